import Concurrency
import Contracts
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// A worker session for one provider: leases jobs, runs them, and ends their leases.
///
/// ```
///   open session ──▶ acquire up to the free places ──▶ start ──▶ run ──▶ complete | fail
///        ▲                      ▲                                  │ stop: release, no attempt used
///        └─ session lost ───────┴──────────────────────────────────┘ revoked: cancelled at the next heartbeat
/// ```
final class ProviderWorker: Service {
    let name: String
    private let provider: any Provider
    private let pool: Pool
    private let dispatcher: Dispatcher
    private let results: ResultStore
    private let heartbeat: Duration
    private let tracer: Tracer
    private let logger: Logger
    private let running = Lock<[LeaseKey: Task<Void, Never>]>([:])

    init(
        _ provider: any Provider,
        name: String,
        pool: Pool,
        dispatcher: Dispatcher,
        results: ResultStore,
        heartbeat: Duration,
        tracer: Tracer,
        logger: Logger
    ) {
        self.provider = provider
        self.name = "provider \(name)"
        self.pool = pool
        self.dispatcher = dispatcher
        self.results = results
        self.heartbeat = heartbeat
        self.tracer = tracer
        self.logger = logger.with(["provider": name])
    }

    func run(until stop: StopSignal) async throws {
        let kinds = provider.kinds.filter { $0.unavailable == nil }.map(\.name)
        guard !kinds.isEmpty else { return await stop.wait() }
        let backoff = Backoff(from: .milliseconds(200), cap: .seconds(5))
        var failures = 0
        while !stop.isRaised {
            let worker = Worker(
                id: IdentifierSource().next(),
                name: name,
                kinds: kinds,
                queues: nil,
                capacity: provider.concurrency,
                project: nil
            )
            do {
                _ = try await pool.execute(
                    WorkerStatements.register(worker, inProcess: true, lease: dispatcher.leaseDuration)
                )
                failures = 0
                try await serve(worker, until: stop)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                failures += 1
                logger.warning("worker session ended", ["error": "\(error)"])
                let wait = backoff.wait(afterAttempt: failures, random: .system) + .milliseconds(50)
                try await stop.cancelling { try await Task.sleep(for: wait) }
            }
        }
    }

    /// Serves one session. Returns when stopped; throws when the session is lost, after all its attempts have ended.
    private func serve(_ worker: Worker, until stop: StopSignal) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.beat(worker) }
            group.addTask { try await stop.cancelling { try await self.take(worker) } }
            defer { group.cancelAll() }
            do {
                _ = try await group.next()
            } catch {
                await interruptAll()
                throw error
            }
            await interruptAll()
        }
        do {
            try await Rescuer.close([worker.id], in: pool)
        } catch {
            logger.warning("leases not handed back; they expire", ["error": "\(error)"])
        }
    }

    private func take(_ worker: Worker) async throws {
        let places = AsyncSemaphore(places: provider.concurrency)
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                let room = try await room(in: places)
                let leases: [Lease]
                do {
                    leases = try await dispatcher.acquire(worker, limit: room, wait: .seconds(30), starting: true)
                } catch {
                    for _ in 0..<room { places.release() }
                    throw error
                }
                for _ in leases.count..<room { places.release() }
                for lease in leases {
                    group.addTask {
                        await self.attempt(lease)
                        places.release()
                    }
                }
            }
        }
    }

    /// Takes all free places, at least one. Where none was free it gives those that become free together some
    /// milliseconds, so that one claim fills them and not one each.
    private func room(in places: AsyncSemaphore) async throws -> Int {
        func takeFree(_ taken: Int) -> Int {
            var taken = taken
            while taken < provider.concurrency, places.tryAcquire() { taken += 1 }
            return taken
        }
        var room = takeFree(0)
        guard room == 0 else { return room }
        try await places.acquire()
        room = takeFree(1)
        for _ in 0..<5 where room < provider.concurrency / 2 {
            try await Task.sleep(for: .milliseconds(1))
            room = takeFree(room)
        }
        return room
    }

    /// Runs one attempt to its end, whatever that is.
    private func attempt(_ lease: Lease) async {
        let key = LeaseKey(jobID: lease.jobID, fence: lease.fence)
        // Its own task, so that a heartbeat can cancel this attempt and no other; it is awaited right here.
        let task = Task { await self.carryOut(lease, key) }
        running.withLock { $0[key] = task }
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        running.withLock { _ = $0.removeValue(forKey: key) }
    }

    private func carryOut(_ lease: Lease, _ key: LeaseKey) async {
        let logger = logger.with(["job_id": lease.jobID, "fence": lease.fence])
        do {
            if !lease.isStarted {
                guard try await dispatcher.start(key) == .ok else { return }
            }
            do {
                let result = try await traced(lease) { try await provider.run(lease, attempt(of: key)) }
                _ = try await dispatcher.complete(Completion(key: key, resultURL: result.url, result: result.details))
            } catch let failure as ProviderFailure {
                logger.info("attempt failed", ["code": failure.code])
                _ = try await dispatcher.fail(
                    Failure(
                        key: key,
                        code: failure.code,
                        message: failure.message,
                        isRetryable: failure.isRetryable,
                        retryAfter: failure.retryAfter
                    )
                )
            } catch is CancellationError {
                // Handed on without costing an attempt. In a task of its own: this one is cancelled, the write must not be.
                _ = try await Task { try await dispatcher.release(Release(key: key)) }.value
            } catch is Attempt.LeaseLost {
                logger.info("lease lost")
            } catch {
                logger.error("provider fault", ["error": "\(error)"])
                _ = try await dispatcher.fail(
                    Failure(
                        key: key,
                        code: "PROVIDER_ERROR",
                        message: "the provider failed unexpectedly; see the service's log"
                    )
                )
            }
        } catch {
            // The outcome could not be stored: the lease ends with the session, and the job is run again.
            logger.warning("outcome not stored", ["error": "\(error)"])
        }
    }

    /// The provider's part as a span of the trace that submitted the job.
    private func traced<Value>(_ lease: Lease, _ body: () async throws -> Value) async throws -> Value {
        guard let trace = lease.traceparent.flatMap({ TraceContext(traceparent: $0) }) else { return try await body() }
        let attributes = [("martlet.job.id", "\(lease.jobID)"), ("martlet.job.attempt", "\(lease.attempt + 1)")]
        return try await tracer.span("run \(lease.kind)", .consumer, in: trace, attributes: attributes) { _ in
            try await body()
        }
    }

    private func attempt(of key: LeaseKey) -> Attempt {
        Attempt(
            report: { [dispatcher] progress in
                guard try await dispatcher.progress(progress) == .ok else { throw Attempt.LeaseLost() }
            },
            log: { [dispatcher] lines in _ = try await dispatcher.log([LogLines(key: key, lines: lines)]) },
            results: results
        )
    }

    private func beat(_ worker: Worker) async throws {
        while true {
            try await Task.sleep(for: heartbeat)
            do {
                let alive = try await pool.query(
                    WorkerStatements.heartbeat([worker.id], lease: dispatcher.leaseDuration)
                )
                guard !alive.isEmpty else { throw SessionLost() }
                let revoked = try await pool.query(WorkerStatements.revokedLeases(worker.id)).map(LeaseKey.init)
                for key in revoked { running.withLock { $0[key] }?.cancel() }
                if !revoked.isEmpty { _ = try await pool.execute(WorkerStatements.forgetRevoked(worker.id, revoked)) }
            } catch let error as PostgresError {
                // The session may outlive this; if not, the next heartbeat says so.
                logger.warning("heartbeat failed", ["error": "\(error)"])
            }
        }
    }

    private func interruptAll() async {
        let tasks = running.withLock { Array($0.values) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    struct SessionLost: Error, CustomStringConvertible {
        var description: String { "the session had expired" }
    }
}
