#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

/* Absent from the Glibc module. */
#include <sys/eventfd.h>

/* Swift cannot call variadic functions: the only SASL mechanism we use, with its two arguments named. */
static inline amqp_rpc_reply_t martlet_amqp_login_plain(amqp_connection_state_t state, const char *virtual_host,
                                                        int frame_max, int heartbeat, const amqp_table_t *properties,
                                                        const char *user, const char *password) {
  return amqp_login_with_properties(state, virtual_host, 0, frame_max, heartbeat, properties, AMQP_SASL_METHOD_PLAIN,
                                    user, password);
}
