// Telemetry: what a process tells about itself: log lines, metrics and spans.
//
// `Logger` writes one JSON object per line (or text for people) to stderr. `Metrics` is a registry of counters,
// gauges and histograms whose handles are kept by their users, written as Prometheus text. `TraceContext` is
// the W3C `traceparent`/`tracestate` pair that follows a request over HTTP, AMQP and the event log; `Tracer`
// records spans and hands finished ones to an exporter.
//
// It promises: messages are constant text and facts are metadata, so lines can be searched; a handle costs one
// atomic operation; nothing here waits, and what cannot be exported is counted and dropped.
// It refuses: secrets (`Secret` prints as dots), global state, and looking up handles on hot paths.
