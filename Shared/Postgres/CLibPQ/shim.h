#include <libpq-fe.h>
#include <sys/eventfd.h>

/* Character macros are not imported by Swift; these are the fields of an error that we read. */
static const int martlet_diag_severity = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int martlet_diag_sqlstate = PG_DIAG_SQLSTATE;
static const int martlet_diag_message = PG_DIAG_MESSAGE_PRIMARY;
static const int martlet_diag_detail = PG_DIAG_MESSAGE_DETAIL;
static const int martlet_diag_table = PG_DIAG_TABLE_NAME;
static const int martlet_diag_constraint = PG_DIAG_CONSTRAINT_NAME;
static const int martlet_diag_function = PG_DIAG_SOURCE_FUNCTION;

/* By default libpq prints NOTICE messages to stderr, where they would break the log's one object per line. */
static void martlet_drop_notice(void *context, const PGresult *result) { (void)context; (void)result; }
static inline void martlet_silence_notices(PGconn *connection) {
    PQsetNoticeReceiver(connection, martlet_drop_notice, 0);
}
