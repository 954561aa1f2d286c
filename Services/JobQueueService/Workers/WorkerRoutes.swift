import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store

/// The worker API: any program that speaks HTTP can run jobs.
struct WorkerRoutes: Sendable {
    let pool: Pool
    let dispatcher: Dispatcher
    let intake: Intake
    let heartbeat: Duration
    var ids = IdentifierSource()

    func add(to api: inout API) {
        api.add(
            Operation(
                .post,
                "/api/workers",
                "open a worker session",
                scope: .work,
                body: .json(Worker.schema),
                success: 201
            )
        ) { call in try await register(call) }
        api.add(
            Operation(
                .delete,
                "/api/workers/{id}",
                "close a session and hand its leases back",
                scope: .work,
                success: 204
            )
        ) {
            call in try await close(call)
        }
        api.add(
            Operation(
                .post,
                "/api/workers/{id}/acquire",
                "lease jobs, waiting for them",
                scope: .work,
                body: .json(acquireSchema)
            )
        ) { call in try await acquire(call) }
        api.add(
            Operation(
                .post,
                "/api/workers/{id}/heartbeat",
                "keep the session alive",
                scope: .work,
                body: .json(heartbeatSchema)
            )
        ) { call in try await beat(call) }
        addVerb("start", to: &api, [], read: { key, _ in key }) { try await dispatcher.start($0) }
        addVerb("complete", to: &api, completionFields, read: completion) { try await complete($0) }
        addVerb("fail", to: &api, failureFields, read: failure) { try await dispatcher.fail($0) }
        addVerb("snooze", to: &api, snoozeFields, read: snooze) { try await dispatcher.snooze($0) }
        addVerb("suspend", to: &api, suspensionFields, read: suspension) { try await dispatcher.suspend($0) }
        addVerb("release", to: &api, releaseFields, read: release) { try await dispatcher.release($0) }
        addVerb("progress", to: &api, progressFields, read: progress) { try await dispatcher.progress($0) }
        addVerb("log", to: &api, logFields, read: log) { try await dispatcher.log($0) }
    }

    // MARK: Sessions

    private func register(_ call: Call) async throws -> Reply {
        let worker = Worker(
            id: ids.next(),
            name: call.body["name"]?.string ?? "",
            kinds: call.body["kinds"]?.elements.compactMap(\.string) ?? [],
            queues: call.body.value("queues")?.elements.compactMap(\.string),
            capacity: call.body.value("capacity")?.int ?? 1,
            project: call.principal.project
        )
        let lease = dispatcher.leaseDuration
        _ = try await pool.execute(WorkerStatements.register(worker, inProcess: false, lease: lease))
        return .json(.created, headers: [("Location", "/api/workers/\(worker.id)")]) { json in
            json.object {
                $0.member("worker_id", worker.id)
                $0.member("heartbeat_ms", heartbeat.milliseconds)
                $0.member("lease_ms", lease.milliseconds)
            }
        }
    }

    /// The session that the path names, if it lives and the caller may act for it.
    private func worker(_ call: Call) async throws -> Worker {
        let id: WorkerID = try call.id(of: "WORKER")
        guard let row = try await pool.query(WorkerStatements.find(id)).first else {
            throw ServiceError.notFound("WORKER")
        }
        let worker = try Worker(row)
        guard call.principal.project == nil || worker.project == call.principal.project else {
            throw ServiceError.notFound("WORKER")
        }
        return worker
    }

    private func close(_ call: Call) async throws -> Reply {
        let worker = try await worker(call)
        try await Rescuer.close([worker.id], in: pool)
        return .noContent
    }

    private var acquireSchema: JSONSchema {
        .object([
            .optional("max", .integer(1...1000).defaulting(to: 1)),
            .optional("wait_ms", .integer(0...30_000).defaulting(to: 0)),
        ])
    }

    private func acquire(_ call: Call) async throws -> Reply {
        let worker = try await worker(call)
        let held: Int = try await pool.query(WorkerStatements.leaseCount(worker.id)).first?.decode(0) ?? 0
        let room = min(call.body.value("max")?.int ?? 1, worker.capacity - held)
        let wait = Duration.milliseconds(call.body.value("wait_ms")?.int ?? 0)
        var leases: [Lease] = []
        if room > 0, !worker.isDraining {
            leases = try await dispatcher.acquire(worker, limit: room, wait: wait)
        }
        return .json { json in json.object { $0.member("leases", leases) } }
    }

    private var heartbeatSchema: JSONSchema {
        .object([
            .optional(
                "stopped",
                .array(of: .object(keyFields), 0...1000).described("revoked leases that the worker has stopped")
            )
        ])
    }

    private func beat(_ call: Call) async throws -> Reply {
        let worker = try await worker(call)
        let stopped = call.body.value("stopped")?.elements.map { leaseKey($0) } ?? []
        if !stopped.isEmpty { _ = try await pool.execute(WorkerStatements.forgetRevoked(worker.id, stopped)) }
        guard
            let row = try await pool.query(WorkerStatements.heartbeat([worker.id], lease: dispatcher.leaseDuration))
                .first
        else { throw ServiceError.notFound("WORKER") }
        let draining: Bool = try row.decode(1)
        let revoked = try await pool.query(WorkerStatements.revokedLeases(worker.id)).map(LeaseKey.init)
        return .json { json in
            json.object { json in
                json.member("command", draining ? "drain" : "continue")
                json.member("cancel") { json in
                    json.array { json in
                        for key in revoked {
                            json.object {
                                $0.member("job_id", key.jobID)
                                $0.member("fence", key.fence)
                            }
                        }
                    }
                }
            }
        }
    }

    // MARK: Verbs

    private func complete(_ items: [Completion]) async throws -> [VerbOutcome] {
        guard items.contains(where: { !$0.followUps.isEmpty }) else { return try await dispatcher.complete(items) }
        // Each of these has a transaction of its own.
        let followUps = FollowUps(pool: pool, intake: intake, dispatcher: dispatcher)
        var outcomes: [VerbOutcome] = []
        for item in items {
            outcomes.append(
                item.followUps.isEmpty ? try await dispatcher.complete(item) : try await followUps.complete(item)
            )
        }
        return outcomes
    }

    private var keyFields: [JSONSchema.Property] {
        [.required("job_id", .uuid), .required("fence", .integer(0...Int.max / 2))]
    }

    private func leaseKey(_ item: JSONElement) -> LeaseKey {
        let id = item["job_id"]?.string.flatMap { JobID($0) } ?? JobID(UUID(high: 0, low: 0))
        return LeaseKey(jobID: id, fence: Int64(item["fence"]?.int ?? 0))
    }

    /// Adds a verb that takes `{"items":[…]}` and answers one outcome per item, in their order.
    private func addVerb<Item: Sendable>(
        _ name: String,
        to api: inout API,
        _ fields: [JSONSchema.Property],
        read: @escaping @Sendable (LeaseKey, JSONElement) -> Item,
        _ perform: @escaping @Sendable ([Item]) async throws -> [VerbOutcome]
    ) {
        let schema = JSONSchema.object([.required("items", .array(of: .object(keyFields + fields), 1...1000))])
        let operation = Operation(
            .post,
            "/api/workers/{id}/\(name)",
            "\(name) leased jobs",
            scope: .work,
            body: .json(schema)
        )
        api.add(operation) { call in
            _ = try await worker(call)
            let items = call.body["items"]?.elements.map { ($0, leaseKey($0)) } ?? []
            let outcomes = try await perform(items.map { read($0.1, $0.0) })
            return .json { json in
                json.object { json in
                    json.member("items") { json in
                        json.array { json in
                            for (item, outcome) in zip(items, outcomes) {
                                json.object {
                                    $0.member("job_id", item.1.jobID)
                                    $0.member("status", outcome.rawValue)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
