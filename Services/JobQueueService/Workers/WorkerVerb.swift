import Contracts
import JSON

/// A verb of the worker API, however it came: over HTTP or on a stream.
struct WorkerVerb: Sendable {
    let name: String
    /// What each of its items is.
    let items: JSONSchema
    /// Works off the `items` of a body: what comes together leaves together.
    let perform: @Sendable (JSONElement) async throws -> WorkerVerbOutcomes

    init<Item: Sendable>(
        _ name: String,
        _ routes: WorkerRoutes,
        _ fields: [JSONSchema.Property],
        read: @escaping @Sendable (LeaseKey, JSONElement) -> Item,
        _ perform: @escaping @Sendable ([Item]) async throws -> [VerbOutcome]
    ) {
        self.name = name
        items = .array(of: .object(routes.keyFields + fields), 1...1000)
        self.perform = { body in
            let items = body["items"]?.elements.map { ($0, routes.leaseKey($0)) } ?? []
            let outcomes = try await perform(items.map { read($0.1, $0.0) })
            return WorkerVerbOutcomes(outcomes: zip(items, outcomes).map { ($0.1.jobID, $1) })
        }
    }
}

/// What became of each item of a verb, in their order.
struct WorkerVerbOutcomes: Sendable {
    let outcomes: [(job: JobID, outcome: VerbOutcome)]

    /// Writes the member `items` of an answer.
    func write(to json: inout JSONWriter) {
        json.member("items") { json in
            json.array { json in
                for (job, outcome) in outcomes {
                    json.object {
                        $0.member("job_id", job)
                        $0.member("status", outcome.rawValue)
                    }
                }
            }
        }
    }
}

extension WorkerRoutes {
    /// All verbs.
    var verbs: [WorkerVerb] {
        [
            WorkerVerb("start", self, [], read: { key, _ in key }) { try await dispatcher.start($0) },
            WorkerVerb("complete", self, completionFields, read: completion) { try await complete($0) },
            WorkerVerb("fail", self, failureFields, read: failure) { try await dispatcher.fail($0) },
            WorkerVerb("snooze", self, snoozeFields, read: snooze) { try await dispatcher.snooze($0) },
            WorkerVerb("suspend", self, suspensionFields, read: suspension) { try await dispatcher.suspend($0) },
            WorkerVerb("release", self, releaseFields, read: release) { try await dispatcher.release($0) },
            WorkerVerb("progress", self, progressFields, read: progress) { try await dispatcher.progress($0) },
            WorkerVerb("log", self, logFields, read: log) { try await dispatcher.log($0) },
        ]
    }
}
