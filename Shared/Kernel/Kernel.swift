// Kernel: the values everything else speaks in.
//
// Ids, times, secrets, backoff and random bytes, without I/O and without Foundation.
// Nothing here reads a clock or the system's randomness by itself: both enter as values
// (`WallClock`, `RandomSource`), so a test decides what time it is and which id comes next.
//
// It promises: every type is a plain `Sendable` value; text forms are fixed (lower-case UUIDs,
// RFC 3339 UTC with milliseconds) and parsing refuses anything else; a `Secret` never prints.
// It refuses: anything that waits, allocates threads or talks to the outside.
