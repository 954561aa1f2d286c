// HTTPClient: HTTP/1.1 and 2 requests, streams and server-sent events, on libcurl.
//
// A `Client` owns one thread, which drives all its transfers and reuses their connections. `send` answers with a
// whole response, `stream` with a head and a body that arrives as it is read, `download` with a file.
// `RetryRule` and `ServerSentEvents` are pure.
//
// It promises: every wait ends (connect, total and idle limits, cancellation); memory per transfer is bounded,
// because a slow reader stops the sender; a request is tried again only when that cannot do anything twice; an error
// prints nothing of a URL's path or query, of headers or bodies.
// It refuses: proxies and redirects unless asked, other protocols than http and https, user and password in URLs,
// unverified TLS, and, with `AddressGuard.publicOnly`, addresses that are not public, judged when the socket is
// opened, so that a name which changes its address meanwhile does not help.
