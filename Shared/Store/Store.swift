// Store: the database's migrations, and the tables that every service reads.
//
// The migrations of all schemas are here, so whichever service starts first can apply them. API keys and
// idempotency keys are here because every service checks them.
//
// It promises: migrations only go forward, each in a transaction of its own; the first answer to an
// Idempotency-Key is stored in the transaction of its effect, so there is never an effect without its answer.
// It refuses: rules of any one service. Tables of `jobs`, `agent` and `notify` are written by their owners only.
