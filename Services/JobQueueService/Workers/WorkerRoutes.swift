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
                body: .json(acquireSchema),
                endsWithClient: true
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
        api.add(
            Operation(
                .post,
                "/api/workers/{id}/drain",
                "ask a worker to finish what it has and to go",
                scope: .jobsManage,
                success: 204
            )
        ) { call in try await drain(call) }
        for verb in verbs { add(verb, to: &api) }
        let access = api
        api.webSocket("/api/workers/{id}/stream") { request in await WorkerStreamDoor(self, access).upgrade(request) }
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
        try await worker(try call.id(of: "WORKER"), for: call.principal)
    }

    /// A session, if it lives and somebody may act for it.
    func worker(_ id: WorkerID, for principal: Principal) async throws -> Worker {
        guard let row = try await pool.query(WorkerStatements.find(id)).first else {
            throw ServiceError.notFound("WORKER")
        }
        let worker = try Worker(row)
        guard principal.project == nil || worker.project == principal.project else {
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
            .optional("start", .boolean.defaulting(to: false).described("begin them too, as the verb start does")),
        ])
    }

    private func acquire(_ call: Call) async throws -> Reply {
        let worker = try await worker(call)
        let held: Int = try await pool.query(WorkerStatements.leaseCount(worker.id)).first?.decode(0) ?? 0
        let room = min(call.body.value("max")?.int ?? 1, worker.capacity - held)
        let wait = Duration.milliseconds(call.body.value("wait_ms")?.int ?? 0)
        var leases: [Lease] = []
        if room > 0, !worker.isDraining {
            let starting = call.body.value("start")?.bool ?? false
            leases = try await dispatcher.acquire(worker, limit: room, wait: wait, starting: starting)
        }
        return .json { json in json.object { $0.member("leases", leases) } }
    }

    private var heartbeatSchema: JSONSchema { .object(heartbeatFields) }

    private func beat(_ call: Call) async throws -> Reply {
        let beat = try await beat(try await worker(call), call.body)
        return .json { json in json.object { beat.write(to: &$0) } }
    }

    private func drain(_ call: Call) async throws -> Reply {
        let worker = try await worker(call)
        _ = try await pool.execute(WorkerStatements.drain(worker.id))
        return .noContent
    }

    // MARK: Verbs

    func complete(_ items: [Completion]) async throws -> [VerbOutcome] {
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

    var keyFields: [JSONSchema.Property] {
        [.required("job_id", .uuid), .required("fence", .integer(0...Int.max / 2))]
    }

    func leaseKey(_ item: JSONElement) -> LeaseKey {
        let id = item["job_id"]?.string.flatMap { JobID($0) } ?? JobID(UUID(high: 0, low: 0))
        return LeaseKey(jobID: id, fence: Int64(item["fence"]?.int ?? 0))
    }

    /// Adds a verb that takes `{"items":[…]}` and answers one outcome per item, in their order.
    private func add(_ verb: WorkerVerb, to api: inout API) {
        let operation = Operation(
            .post,
            "/api/workers/{id}/\(verb.name)",
            "\(verb.name) leased jobs",
            scope: .work,
            body: .json(.object([.required("items", verb.items)]))
        )
        api.add(operation) { call in
            _ = try await worker(call)
            let outcomes = try await verb.perform(call.body)
            return .json { json in json.object { outcomes.write(to: &$0) } }
        }
    }
}
