import Dispatch
import Glibc

/// Turns SIGTERM and SIGINT into a `StopSignal`, as long as it lives.
final class ProcessSignals {
    private let sources: [any DispatchSourceSignal]

    /// Watches the signals: the first raises `stop`, the second ends the process at once with status 130.
    init(raising stop: StopSignal) {
        let queue = DispatchQueue(label: "signals")
        sources = [SIGTERM, SIGINT]
            .map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
                source.setEventHandler { @Sendable in
                    if stop.isRaised { _exit(130) }
                    stop.raise()
                }
                source.resume()
                return source
            }
    }
}
