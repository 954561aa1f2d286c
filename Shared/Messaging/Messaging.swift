// Messaging: the event log in Postgres and its way to RabbitMQ and back.
//
// Whoever changes something appends an event to the log inside the same transaction (`EventLog`). One relay, the
// leader among the replicas (`LeaderLease`), reads the settled part of the log in order and publishes it with
// confirms. Each notification node follows the log through the broker (`EventFeed`): events name the one
// published before them, so a missing one is noticed and fetched from the log. `Inbox` makes effects happen once.
//
// It promises: an event is published at least once, in log order, and repeated only with the same id; a reader of
// a feed sees every event once and in order, also when the broker is away; cursors of another history are noticed.
// It refuses: reading rows that a transaction of ours could still precede, and waiting for foreign transactions.
