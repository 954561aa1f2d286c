// TestSupport: what the tests of several modules need: real servers of their own, waiting for events, captured logs.
//
// Each suite gets a database and a virtual host of its own, on servers that are private to the test process unless
// the environment names others.
//
// It promises: everything it starts is stopped and removed when the test process ends, also when it crashes.
// It refuses: fixed ports, shared databases and sleeping; a test waits for what it wants to see.
