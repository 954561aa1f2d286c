import Concurrency
import Contracts
import Glibc
import Kernel
import Lifecycle
import Messaging
import Postgres
import RabbitMQ
import Settings
import Telemetry

/// Where the events of a broadcast row come from: one for each line `queue<TAB>payload` of standard input, at once.
struct EventSource: Sendable {
    enum Way: Sendable {
        /// Published, as the relay does: what is measured is broker, notification and sockets.
        case broker
        /// Committed to the log: the relay comes before that.
        case log
    }

    private let environment = Environment.current()

    func run(_ way: Way) async throws {
        let pool = Pool(PoolSettings(environment["DATABASE_URL"] ?? ""), logger: .silent, metrics: Metrics())
        switch way {
        case .broker: try await publish(pool)
        case .log: try await append(pool)
        }
        await pool.close()
    }

    /// Publishes in the order of the lines. The chain goes on from the log's end, far beyond it: a node that has heard
    /// these is of no use for others.
    private func publish(_ pool: Pool) async throws {
        let publisher = Publisher(
            try BrokerAddress(url: environment["BROKER_URL"] ?? ""),
            topology: Relay.topology,
            settings: ConnectionSettings(name: "event source"),
            limits: Publisher.Limits(window: 1024),
            logger: .silent,
            metrics: Metrics()
        )
        let running = Task { await publisher.run() }
        let epoch = try await EventLogReader(pool).epoch()
        var previous = try await EventLogReader(pool).settledEnd().position(in: epoch)
        let transaction = UInt64(WallClock.system.now().microseconds)
        var number: Int64 = 0
        for await lines in Lines.standardInput() {
            var batch: [Message] = []
            for (queue, payload) in lines {
                let job: JobID = IdentifierSource().next()
                number += 1
                let position = Position(epoch: epoch, transaction: transaction, row: number)
                let body = """
                    {"event_id":"\(job):1","type":"job.status.updated","job_id":"\(job)","seq":1,"queue":"\(queue)",\
                    "status":"queued","load":"\(payload)","position":"\(position)","prev_position":"\(previous)"}
                    """
                previous = position
                let key = EventType.jobStatusUpdated.rawValue
                batch.append(Message(exchange: EventType.exchange, routingKey: key, body: Array(body.utf8)))
            }
            // In line before the next lines are read; its confirms are not waited for.
            Task.immediate { [batch] in
                do {
                    _ = try await publisher.publish(batch)
                } catch {
                    complain("not published: \(error)")
                }
            }
        }
        try await Task.sleep(for: .seconds(1))
        running.cancel()
        await running.value
    }

    /// Commits each line in a transaction of its own, and announces as a service does.
    private func append(_ pool: Pool) async throws {
        let announcer = EventAnnouncer(pool: pool, sender: "", logger: .silent)
        let stop = StopSignal()
        async let announcing: Void = announcer.run(until: stop)
        for await lines in Lines.standardInput() {
            for (queue, payload) in lines {
                let job: JobID = IdentifierSource().next()
                let body: SQL = """
                    json_build_object('event_id', \("\(job):1"), 'type', \(EventType.jobStatusUpdated.rawValue),
                        'job_id', \(job), 'seq', 1, 'queue', \(queue), 'status', 'queued', 'load', \(payload),
                        'timestamp', shared.rfc3339(clock_timestamp()))
                    """
                Task.immediate {
                    do {
                        _ = try await pool.execute(
                            """
                            INSERT INTO shared.events (type, event_id, subject, seq, body)
                            VALUES (\(EventType.jobStatusUpdated.rawValue), \("\(job):1"), \(job), 1, \(body))
                            """
                        )
                        announcer.eventsAppended()
                    } catch {
                        complain("not stored: \(error)")
                    }
                }
            }
        }
        try await Task.sleep(for: .seconds(1))
        stop.raise()
        try await announcing
    }
}

private func complain(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    // The bytes are written during the call.
    unsafe _ = bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
}

/// Lines of standard input, as many as there are at a time.
private enum Lines {
    static func standardInput() -> AsyncStream<[(queue: String, payload: String)]> {
        AsyncStream { continuation in
            ThreadExecutor(name: "lines")
                .submit {
                    var held: [UInt8] = []
                    var buffer = [UInt8](repeating: 0, count: 1 << 16)
                    // The bytes are stored during the call.
                    while case let count = unsafe buffer.withUnsafeMutableBytes({
                        unsafe read(0, $0.baseAddress, $0.count)
                    }),
                        count > 0
                    {
                        held += buffer[..<count]
                        var lines = held.split(separator: 0x0a, omittingEmptySubsequences: false)
                        held = Array(lines.removeLast())
                        continuation.yield(
                            lines.compactMap { line in
                                let parts = line.split(separator: 0x09, maxSplits: 1)
                                guard parts.count == 2 else { return nil }
                                return (
                                    String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1], as: UTF8.self)
                                )
                            }
                        )
                    }
                    continuation.finish()
                }
        }
    }
}
