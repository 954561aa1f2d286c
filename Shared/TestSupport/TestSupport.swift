// TestSupport: what the tests of several modules need: real servers of their own, waiting for events, captured logs.
//
// It promises: everything it starts is stopped and removed when the test process ends, also when it crashes.
// It refuses: fixed ports, shared databases and sleeping; a test waits for what it wants to see.
