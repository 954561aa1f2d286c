import Concurrency
import Glibc

/// Thousands of clients on a few threads.
final class Swarm: Sendable {
    /// What happened to clients.
    struct Counts: Sendable {
        var connects = 0
        var refused = 0
        var closes = 0
        var stalls = 0
        var snapshots = 0
        var updates = 0
        var skips = 0
        var repeats = 0
        var drains = 0

        static func += (left: inout Counts, right: Counts) {
            left.connects += right.connects
            left.refused += right.refused
            left.closes += right.closes
            left.stalls += right.stalls
            left.snapshots += right.snapshots
            left.updates += right.updates
            left.skips += right.skips
            left.repeats += right.repeats
            left.drains += right.drains
        }
    }

    /// What all of them say.
    struct Report: Sendable {
        var counts = Counts()
        var faults: [String] = []
        /// Clients that do not believe what the database says.
        var apart = 0
    }

    private struct Orders {
        var isCalm = false
        var hasEnded = false
        /// To compare with, when asked.
        var truth: [String: [String: SwarmClient.Known]]?
        var round = 0
    }

    private let ports: [Int]
    private let orders = Lock(Orders())
    private let threads: [ThreadExecutor]
    private let reports: Lock<[Int: (round: Int, report: Report)]>

    /// Starts `count` clients on the nodes at `ports`, shared out over `queues`.
    init(_ count: Int, of queues: [String], at ports: [Int], token: String, threads number: Int = 4) {
        self.ports = ports
        threads = (0..<number).map { ThreadExecutor(name: "swarm \($0)") }
        reports = Lock([:])
        for (index, thread) in threads.enumerated() {
            let clients = stride(from: index, to: count, by: number)
                .map { SwarmClient(queue: queues[$0 % queues.count], wantsLatest: $0 % 4 == 0, token: token) }
            thread.submit { self.run(clients, index) }
        }
    }

    /// From now on nobody stalls or goes away by itself.
    func calmDown() { orders.withLock { $0.isCalm = true } }

    /// Ends all clients.
    func end() { orders.withLock { $0.hasEnded = true } }

    /// Compares what all clients believe with what is true.
    func report(against truth: [String: [String: SwarmClient.Known]]) async throws -> Report {
        let round = orders.withLock { orders in
            orders.truth = truth
            orders.round += 1
            return orders.round
        }
        while reports.withLock({ $0.count { $0.value.round >= round } }) < threads.count {
            try await Task.sleep(for: .milliseconds(20))
        }
        return reports.withLock { reports in
            reports.values.reduce(into: Report()) { sum, part in
                sum.counts += part.report.counts
                sum.faults += part.report.faults
                sum.apart += part.report.apart
            }
        }
    }

    private func run(_ start: [SwarmClient], _ index: Int) {
        var clients = start
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var looksAt = ContinuousClock.now
        var told = 0
        while true {
            let orders = orders.withLock { $0 }
            if orders.hasEnded { break }
            let now = ContinuousClock.now
            if looksAt <= now {
                for client in clients.indices { clients[client].look(ports, at: now, isCalm: orders.isCalm) }
                looksAt = now + .milliseconds(50)
            }
            if orders.round > told, let truth = orders.truth {
                told = orders.round
                note(clients, truth, index, told)
            }
            var polled = clients.map { client in
                pollfd(fd: client.stalledUntil == nil ? client.file : -1, events: Int16(POLLIN), revents: 0)
            }
            // The array is written during the call.
            let ready = unsafe polled.withUnsafeMutableBufferPointer {
                unsafe poll($0.baseAddress, nfds_t($0.count), 20)
            }
            guard ready > 0 else { continue }
            for client in clients.indices where polled[client].revents != 0 { clients[client].read(&buffer) }
        }
        for client in clients where client.file >= 0 { close(client.file) }
    }

    private func note(
        _ clients: [SwarmClient],
        _ truth: [String: [String: SwarmClient.Known]],
        _ index: Int,
        _ round: Int
    ) {
        var report = Report()
        for client in clients {
            report.counts += client.counts
            report.faults += client.faults
            if client.jobs != truth[client.queue] ?? [:] { report.apart += 1 }
        }
        reports.withLock { $0[index] = (round, report) }
    }
}
