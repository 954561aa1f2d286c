// Concurrency: the few tools that the language does not bring.
//
// `Lock` (a mutex that ThreadSanitizer can see), `ThreadExecutor` (an actor's own thread, for libraries
// that block), `Promise` (a continuation that may be fulfilled, cancelled and awaited in any order),
// `Wakeup` (a coalescing signal to one loop), `AsyncSemaphore` (bounded, first come first served) and
// `withDeadline`.
//
// It promises: every wait here ends on cancellation; nothing is resumed twice or forgotten; what is
// bounded says what happens at its bound.
// It refuses: free-floating tasks, and anything that knows of sockets, databases or clocks of the wall.
