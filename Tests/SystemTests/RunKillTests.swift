import Concurrency
import Contracts
import Foundation
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Postgres
import Telemetry
import TestSupport
import Testing

/// The agent service is killed at every step of a run, just before the step is committed: when all that it reports has
/// happened already.
@Suite(.timeLimit(.minutes(10)), .serialized) struct RunKillTests {
    @Test func `killed at any step, a run goes on from there and has every effect once`() async throws {
        let receiver = try await EffectReceiver.start()
        let file = FileManager.default.temporaryDirectory.appending(path: "tools-\(UUID()).json")
        try Data(receiver.declaration.utf8).write(to: file)
        let settings = ["AGENT_RUN_LEASE_MS": "1000", "PROVIDER_PRESETS": "echo", "TOOLS_FILE": file.path]
        try await Cluster.run(settings) { cluster in
            let stage = RunStage(cluster: cluster, receiver: receiver)
            try await stage.prepare()
            let whole = try await stage.play(killingAt: nil)
            #expect(whole.status == "completed")
            #expect(whole.effects == [1, 1, 0, 3, 1, 1])
            var kills = 0
            // The first event is the message's own, which its sender repeats.
            for event in 2...whole.events {
                let again = try await stage.play(killingAt: event)
                kills += again.wasKilled ? 1 : 0
                #expect(again.status == "completed", "killed at event \(event)")
                #expect(again.transcript == whole.transcript, "killed at event \(event)")
                #expect(again.effects == whole.effects, "killed at event \(event)")
            }
            print(
                "runs: killed \(kills) times, at each of \(whole.events) events of a run of \(whole.transcript.count) steps"
            )
            print("runs: the receiver had \(receiver.effects) effects in \(receiver.requests) requests")
            #expect(kills > 8 && receiver.requests > receiver.effects)
        }
        await receiver.stop()
        try FileManager.default.removeItem(at: file)
    }
}

/// A service outside, which has an effect once for every key that it is sent.
private final class EffectReceiver: Sendable {
    /// The keys that came, in order.
    private final class Log: Sendable {
        let keys = Lock<[String]>([])
    }

    private let log: Log
    private let server: Server
    private let port: Int

    /// All requests, and those of them that had an effect.
    var requests: Int { log.keys.withLock { $0.count } }
    var effects: Int { log.keys.withLock { Set($0).count } }

    /// A file of tools that has it.
    var declaration: String {
        #"""
        {"http_tools":[{"name":"send_letter","summary":"Sends a letter.","input":{"type":"object"},"effect":"irreversible",
        "method":"POST","url":"http://127.0.0.1:\#(port)/letters","honours_idempotency_key":true,
        "allow_private_addresses":true}]}
        """#
    }

    private init(_ server: Server, port: Int, _ log: Log) {
        self.server = server
        self.port = port
        self.log = log
    }

    static func start() async throws -> EffectReceiver {
        let log = Log()
        var router = Router()
        router.add(.post, "/letters", body: .buffered(atMost: 1 << 16)) { request in
            log.keys.withLock { $0.append(request.headers["Idempotency-Key"] ?? "none") }
            return Response(.ok, type: "application/json", Array("{}".utf8))
        }
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
        return EffectReceiver(server, port: Int(try await server.start().port), log)
    }

    func stop() async { await server.stop(grace: .seconds(1)) }
}

/// Where the same run is played again and again.
private struct RunStage: Sendable {
    /// What is left of a run.
    struct Played: Sendable {
        let status: String
        let events: Int
        /// What was said, with ids and times taken out.
        let transcript: [String]
        /// How often each effect happened: activities, jobs, cards that are still there, approvals used, endings told,
        /// letters that the outside got.
        let effects: [Int]
        let wasKilled: Bool
    }

    let cluster: Cluster
    let receiver: EffectReceiver

    /// Makes the database stop at an event of our choice, in the middle of the transaction.
    func prepare() async throws {
        for statement: SQL in [
            "CREATE TABLE public.stop_at (seq integer)",
            """
            CREATE FUNCTION public.stop_run() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF EXISTS (SELECT FROM public.stop_at WHERE seq = NEW.seq) THEN
                    PERFORM pg_advisory_xact_lock(4711);
                END IF;
                RETURN NEW;
            END $$
            """,
            """
            CREATE TRIGGER stop_run BEFORE INSERT ON shared.events FOR EACH ROW WHEN (NEW.type = 'run.event')
            EXECUTE FUNCTION public.stop_run()
            """,
        ] { try await cluster.pool.execute(statement) }
    }

    func play(killingAt event: Int?) async throws -> Played {
        let project = try await make("/api/projects", #"{"title":"A project"}"#, "project_id")
        let plan = #"{"title":"Plan","task_type":"image","cards":[{"title":"One"},{"title":"Two"}]}"#
        let cards =
            try await make("/api/projects/\(project)/activities", plan)["cards"]?.elements
            .compactMap { $0["card_id"]?.string } ?? []
        let thread = try await make("/api/threads", #"{"project_id":"\#(project)"}"#, "thread_id")
        let script = """
            Let me look.
            /get_project {"id":"\(project)"}
            /list_activities {"id":"\(project)"}
            ---
            /create_activity {"id":"\(project)","title":"Larks","task_type":"image","cards":[{"title":"Three"}]}
            ---
            /submit_job {"id":"\(cards[0])","kind":"echo","params":{}}
            /delete_card {"id":"\(cards[1])"}
            ---
            /send_letter {"to":"all"}
            ---
            That is all.
            """
        let body = JSONWriter.bytes { json in json.object { $0.member("content", script) } }
        let say: @Sendable () async throws -> RunID = {
            let id = try await make("/api/threads/\(thread)/messages", String(decoding: body, as: UTF8.self), "run_id")
            return try #require(RunID(id))
        }
        let before = receiver.effects
        let (id, wasKilled) = try await run(say, killingAt: event)
        return try await look(at: id, wasKilled, project: project, cards: cards, letters: receiver.effects - before)
    }

    private func make(_ path: String, _ body: String, _ member: String) async throws -> String {
        try #require(try await make(path, body)[member]?.string)
    }

    private func make(_ path: String, _ body: String) async throws -> JSONElement {
        let answer = try await cluster.post(cluster.agent, path, body)
        try #require((200..<300).contains(answer.status), "\(path): \(answer.text)")
        return try JSONDocument(parsing: answer.body).root
    }

    private func run(_ say: @escaping @Sendable () async throws -> RunID, killingAt event: Int?) async throws
        -> (RunID, Bool)
    {
        guard let event else {
            let id = try await say()
            try await finish(id)
            return (id, false)
        }
        try await cluster.pool.execute("INSERT INTO public.stop_at VALUES (\(event))")
        // The lock is held by a session of its own, which ends when the service is dead.
        let (run, wasKilled): (RunID, Bool) = try await cluster.pool.withTransaction { transaction in
            _ = try transaction.query("SELECT pg_advisory_xact_lock(4711)")
            let id = try await say()
            let approving = Task { try await finish(id) }
            defer { approving.cancel() }
            let wasReached = try await isReached(id)
            if wasReached { await cluster.agent.kill() }
            return (id, wasReached)
        }
        try await cluster.pool.execute("DELETE FROM public.stop_at")
        if wasKilled {
            try await cluster.agent.start()
            try await cluster.waitUntilReady(cluster.agent)
        }
        try await finish(run)
        return (run, wasKilled)
    }

    /// Whether the event comes before the run is over.
    private func isReached(_ run: RunID) async throws -> Bool {
        var isReached = false
        try await eventually("the run comes to the event or its end") {
            let waiting = try await cluster.pool.query(
                "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"
            )
            isReached = !waiting.isEmpty
            let over = try await cluster.pool.query("SELECT FROM agent.runs WHERE id = \(run) AND ended_at IS NOT NULL")
            return isReached || !over.isEmpty
        }
        return isReached
    }

    /// Gives leave to whatever is asked, until the run is over.
    private func finish(_ run: RunID) async throws {
        try await eventually("the run is over") {
            let open = try await cluster.pool.query(
                "SELECT call_id FROM agent.run_approvals WHERE run_id = \(run) AND decision IS NULL"
            )
            for row in open {
                let call: String = try row.decode(0)
                do {
                    let path = "/api/runs/\(run)/approvals/\(call)"
                    _ = try await cluster.post(cluster.agent, path, #"{"decision":"approve"}"#)
                } catch is ClientError {
                    // It was killed before it answered: we ask again.
                }
            }
            let over = try await cluster.pool.query("SELECT FROM agent.runs WHERE id = \(run) AND ended_at IS NOT NULL")
            return !over.isEmpty
        }
    }

    private func look(at run: RunID, _ wasKilled: Bool, project: String, cards: [String], letters: Int)
        async throws -> Played
    {
        let pool = cluster.pool
        func count(_ sql: SQL) async throws -> Int { try await pool.query(sql).first?.decode(0) ?? 0 }
        let id = try #require(ProjectID(project))
        let (one, two) = (try #require(CardID(cards[0])), try #require(CardID(cards[1])))
        let row = try #require(try await pool.query("SELECT status, seq FROM agent.runs WHERE id = \(run)").first)
        let said = try await pool.query(
            "SELECT kind, status, message FROM agent.run_steps WHERE run_id = \(run) ORDER BY n"
        )
        return Played(
            status: try row.decode(0),
            events: try row.decode(1),
            transcript: try said.map { row in
                let message: RawJSON? = try row.decode(2)
                let text = String(decoding: message?.bytes ?? [], as: UTF8.self)
                return
                    "\(try row.decode(0, as: String.self)) \(try row.decode(1, as: String.self)) \(RunStage.plain(text))"
            },
            effects: [
                try await count(
                    "SELECT count(*) FROM agent.activities WHERE project_id = \(id) AND title = 'Larks'"
                ),
                try await count("SELECT count(*) FROM jobs.jobs WHERE card_id = \(one)"),
                try await count("SELECT count(*) FROM agent.cards WHERE id = \(two)"),
                try await count(
                    "SELECT count(*) FROM agent.run_approvals WHERE run_id = \(run) AND consumed_at IS NOT NULL"
                ),
                try await count(
                    """
                    SELECT count(*) FROM shared.events
                    WHERE subject = \(run) AND type = 'run.event' AND body ->> 'event' = 'completed'
                    """
                ),
                letters,
            ],
            wasKilled: wasKilled
        )
    }

    /// A text without what differs from run to run: ids and times.
    private static func plain(_ text: String) -> String {
        text.replacing(/[0-9a-f]{8}-[0-9a-f-]{27}/, with: "#")
            .replacing(/\d{4}-\d\d-\d\dT[0-9:.]+Z/, with: "@")
    }
}
