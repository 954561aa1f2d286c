// MCPClient: uses the tools of other people's servers by the Model Context Protocol.
//
// A `RemoteServer` is one of them, reached by Streamable HTTP or as a program that is spoken with on its standard input and
// output. It finds out which era the server is of (2026-07-28, else the handshake of 2025-11-25 and before), lists its
// tools, keeps the list fresh and calls them.
//
//   RemoteServer ── run: connect, negotiate, list, listen; again after a while when it breaks
//        │ call
//        ▼
//   Conversation (requests and answers, in one era) ──▶ Transport: HTTPTransport | ProgramTransport
//
// It promises: what a server does, it does to itself alone. Everything it sends is bounded in bytes and in number, every
// wait has an end, and whatever is not as the protocol says is a named `RemoteError` of that one call or server. A call
// that is cancelled or late is called off at the server. A program ends with its `RemoteServer`; a session is closed.
// It refuses: to be asked back. No elicitation, sampling or roots are declared; a server that wants them is told no. It
// follows no redirect, so that a token reaches only whom it is for, and gives a program no environment but what is named.
