// Lifecycle: how a process starts, runs and ends.
//
// A long-lived part is a `Service` with one entry, `run(until:)`; when that returns the part has stopped. The
// `ServiceGroup` starts services together and stops them one by one, the last first, each having until the end
// of the grace to finish. `Program` is the frame of every executable: settings, logging, signals, exit status.
//
// It promises: SIGTERM and SIGINT raise one `StopSignal`, a second one ends the process at once; nothing is left
// running when the group returns; the exit status is 0 after a clean stop, 1 after a failure, 2 for bad settings.
// It refuses: stopping by cancellation while the grace lasts, and services that end before they were asked to.
