// Edge: what every service puts between the socket and its own routes.
//
// A route is declared once, as an `Operation`: method, pattern, scope, query fields and body schema. The `API`
// turns operations into handlers that authenticate, limit, parse, validate, trace, count and log, and into the
// service's OpenAPI page; so the page and the checks cannot disagree. Health, metrics and discovery are here too.
//
// It promises: every refusal is the contract's envelope under the status of its code, with all mistakes of a body at
// once; a fault of ours shows a generic sentence and leaves its reason in the log under the same request id;
// a POST with an Idempotency-Key has its effect once.
// It refuses: rules of any one service, and answers that are not declared.
