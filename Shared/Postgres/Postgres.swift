// Postgres: statements, pooled connections, transactions, notices and migrations over libpq.
//
// `Pool` is the way in: `query` and `execute` run one statement in one round trip, `atomically` several in one,
// `withTransaction` lends a connection whose statements run without a thread hop between them. `SQL` is an
// interpolated literal in which every value is a bind parameter. `Listener` holds the one connection that
// listens. `Migrator` brings a schema up to date.
//
// A connection is an actor on a thread of its own; libpq is used without blocking calls, and every wait is a
// `poll` with a deadline. When a deadline passes or the task is cancelled, the server is told to stop and the
// connection is used again only after it has answered.
//
// It promises: values travel in binary and never as text; a connection that failed is replaced, with backoff
// and jitter; waiting callers are bounded in number and time; `description` of an error shows no SQL, no
// parameter and no data; a COMMIT whose outcome is unknown is an error of its own (`.commitUnknown`).
// It refuses: session state (so PgBouncer in transaction mode works), retrying what may have had an effect,
// text spliced into SQL without saying so, and lending C memory past a call.
