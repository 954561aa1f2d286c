// The C face: each function forwards to the loop or connection it is given.
#include "CBeast.h"

#include "audience.hpp"
#include "connection.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/websocket/detail/hybi13.hpp>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <unistd.h>

namespace asio = martlet::asio;

int cb_listen(const char *host, uint16_t port, bool reuse_port, int backlog, int *file, uint16_t *bound) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    if (const int error = getaddrinfo(host, std::to_string(port).c_str(), &hints, &found)) {
        return error == EAI_SYSTEM ? errno : error;  // EAI codes are negative
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
    const int opened = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, found->ai_protocol);
    if (opened < 0) return errno;
    const int on = 1;
    // Without SO_REUSEADDR a restart would wait for the last run's connections to leave TIME_WAIT.
    bool well = setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    if (well && reuse_port) well = setsockopt(opened, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
    well = well && bind(opened, found->ai_addr, found->ai_addrlen) == 0 && listen(opened, backlog) == 0;
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    well = well && getsockname(opened, reinterpret_cast<sockaddr *>(&name), &size) == 0;
    if (!well) {
        const int error = errno;
        close(opened);
        return error;
    }
    *file = opened;
    *bound = ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 *>(&name)->sin6_port
                                              : reinterpret_cast<sockaddr_in *>(&name)->sin_port);
    return 0;
}

int cb_duplicate(int file, int *copy) {
    *copy = fcntl(file, F_DUPFD_CLOEXEC, 0);
    return *copy < 0 ? errno : 0;
}

void cb_close_file(int file) { close(file); }

cb_loop *cb_loop_create(cb_callbacks callbacks, cb_limits limits) { return new cb_loop(callbacks, limits); }
void cb_loop_destroy(cb_loop *loop) { delete loop; }
int cb_loop_add_listener(cb_loop *loop, int file) { return loop->add_listener(file); }
int cb_loop_start(cb_loop *loop, const char *name, void *context) { return loop->start(name, context); }
void cb_loop_wake(cb_loop *loop) { loop->wake(); }
bool cb_loop_is_current(const cb_loop *loop) { return cb_loop::current == loop; }
void cb_loop_drain(cb_loop *loop) { loop->drain(); }
void cb_loop_abort_all(cb_loop *loop) { loop->abort_all(); }
size_t cb_loop_connections(const cb_loop *loop) { return loop->connections.size(); }
void cb_loop_stop(cb_loop *loop) { loop->context.stop(); }

void cb_connection_retain(cb_connection *connection) { intrusive_ptr_add_ref(connection); }

void cb_connection_release(cb_connection *connection) {
    auto &loop = connection->loop();
    if (cb_loop_is_current(&loop)) intrusive_ptr_release(connection);
    // The count belongs to the loop's thread. If that has ended, the loop's end drops this.
    else asio::post(loop.context, [held = martlet::connection_ptr(connection, false)] {});
}

int64_t cb_connection_write(cb_connection *connection, cb_bytes first, cb_bytes second) {
    return connection->write(first, second);
}
void cb_connection_finish(cb_connection *connection, bool keep) { connection->finish(keep); }
void cb_connection_abort(cb_connection *connection) { connection->abort(); }
void cb_connection_pause(cb_connection *connection, bool paused) { connection->pause(paused); }
void cb_connection_set_deadline(cb_connection *connection, int64_t milliseconds) {
    connection->set_deadline(milliseconds);
}

void cb_ws_accept(cb_bytes key, char accept[28]) {
    namespace detail = boost::beast::websocket::detail;
    detail::sec_ws_accept_type value;
    detail::make_sec_ws_accept(value, {reinterpret_cast<const char *>(key.data), key.count});
    std::memcpy(accept, value.data(), 28);
}

bool cb_ws_upgrade(cb_connection *connection, cb_bytes response, cb_ws_limits limits, void *peer) {
    return connection->upgrade(response, limits, peer);
}

cb_frame *cb_frame_create(cb_bytes payload, bool text) {
    using martlet::opcode;
    return martlet::make_frame(text ? opcode::text : opcode::binary, payload.data, payload.count).detach();
}
void cb_frame_release(cb_frame *frame) { intrusive_ptr_release(frame); }
size_t cb_frame_size(const cb_frame *frame) { return frame->size(); }

size_t cb_ws_send(cb_connection *connection, cb_frame *frame) { return connection->send(martlet::frame_ptr(frame)); }
size_t cb_ws_queued_bytes(const cb_connection *connection) { return connection->queue().bytes(); }
size_t cb_ws_queued_frames(const cb_connection *connection) { return connection->queue().count(); }
int64_t cb_ws_stalled(const cb_connection *connection) { return connection->stalled(); }
void cb_ws_drop_queued(cb_connection *connection) { connection->drop_queued(); }
void cb_ws_ping(cb_connection *connection) { connection->ping(); }
void cb_ws_close(cb_connection *connection, uint16_t code, cb_bytes reason, int64_t within_ms) {
    connection->close_websocket(code, {reinterpret_cast<const char *>(reason.data), reason.count}, within_ms);
}
void cb_ws_hold(cb_connection *connection, bool held) { connection->hold(held); }
cb_mark cb_ws_left(const cb_connection *connection) { return connection->left(); }

cb_audience *cb_audience_create() { return new cb_audience; }
void cb_audience_destroy(cb_audience *audience) { delete audience; }
void cb_audience_add(cb_audience *audience, cb_connection *connection, uint64_t tag, cb_mark after) {
    audience->add(connection, tag, after);
}
void cb_audience_remove(cb_audience *audience, cb_connection *connection) { audience->remove(connection); }
size_t cb_audience_count(const cb_audience *audience) { return audience->count(); }
size_t cb_audience_send(cb_audience *audience, cb_frame *frame, cb_mark mark, size_t limit, const uint64_t **late,
                        size_t *late_count) {
    const size_t sent = audience->send(martlet::frame_ptr(frame), mark, limit);
    *late = audience->late().data();
    *late_count = audience->late().size();
    return sent;
}
