// HTTPServer: HTTP/1.1 and WebSocket on event loops, each of which is a Swift executor.
//
// Asio moves the bytes and Beast parses them, behind a C face in `CBeast`; this module turns them into `Request`,
// `Response` and `WebSocket` values. A connection is an actor on its loop with one task for all its requests, so a
// handler runs on the loop that read the request, and an answer costs no change of thread. A slow or blocking call
// belongs into an actor with an executor of its own. A handler that waits for nothing runs without a task.
//
// It promises: every request gets exactly one response, and a connection that cannot be understood is answered
// and closed. Nothing waits without a deadline: heads, bodies, idle connections, handlers, stalled readers, silent
// WebSocket peers. Nothing grows without a bound: heads, bodies, pipelined requests, unsent bytes, connections in all
// and per address. When a client goes away, the task that works for it is cancelled. A stop lets running requests
// finish.
// It refuses: what two servers could understand differently (see `request_parser.hpp`), HTTP/2 and TLS (the edge proxy
// speaks those), compression of WebSocket messages, and handlers that throw: errors become responses in one place, the
// layer above.
