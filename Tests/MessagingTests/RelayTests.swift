import Concurrency
import Kernel
import Lifecycle
import Postgres
import RabbitMQ
import Store
import Telemetry
import TestSupport
import Testing

@testable import Messaging

/// Invariant 5: every event is published at least once, in the order of the log, and repeated only as itself.
@Suite(.timeLimit(.minutes(2))) struct RelayTests {
    /// Runs `body` with a migrated database and a virtual host of its own.
    private func withServers(_ body: @escaping @Sendable (TestPostgres.Database, Pool, String) async throws -> Void)
        async throws
    {
        let broker = try await TestRabbitMQ.shared()
        let brokerURL = try await broker.makeVirtualHost("relay")
        try await TestPostgres.withDatabase { database in
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            let result = await Task { try await body(database, pool, brokerURL) }.result
            await pool.close()
            try result.get()
        }
        try await broker.removeVirtualHost(brokerURL)
    }

    /// Runs `body` beside a relay of its own.
    private func relaying<Value: Sendable>(
        _ pool: Pool,
        _ brokerURL: String,
        logger: Logger = .silent,
        _ body: () async throws -> Value
    ) async throws -> Value {
        let publisher = Publisher(
            try BrokerAddress(url: brokerURL),
            topology: Relay.topology,
            settings: ConnectionSettings(name: "relay"),
            logger: .silent,
            metrics: Metrics()
        )
        let relay = Relay(pool: pool, publisher: publisher, wakeup: Wakeup(), logger: logger, metrics: Metrics())
        let stop = StopSignal()
        let publishing = Task { await publisher.run() }
        let running = Task { try await relay.run(until: stop) }
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        stop.raise()
        let ending = await running.result
        publishing.cancel()
        await publishing.value
        try ending.get()
        return try result.get()
    }

    /// Appends events that overtake one another on their way to the commit.
    private func append(_ count: Int, to pool: Pool) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<3 {
                group.addTask {
                    for number in 0..<count / 3 {
                        let subject = IdentifierSource().uuid()
                        try await pool.withTransaction { transaction in
                            try transaction.execute(FeedFixture.statement("\(subject):\(writer).\(number)", subject))
                            try transaction.execute("SELECT pg_sleep(random() * 0.004)")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `a relay that dies before it has stored its place repeats, and leaves nothing out`() async throws {
        try await withServers { database, pool, brokerURL in
            // The session dies under the statement that stores the place, every other time and at most six times.
            for statement: SQL in [
                "CREATE SEQUENCE deaths",
                """
                CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF random() < 0.5 AND (SELECT last_value < 6 FROM deaths) THEN
                        PERFORM nextval('deaths');
                        PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(5);
                    END IF;
                    RETURN NEW;
                END $$
                """,
                "CREATE TRIGGER die BEFORE INSERT OR UPDATE ON shared.cursors FOR EACH ROW EXECUTE FUNCTION die()",
            ] { _ = try await pool.execute(statement) }
            try await PublishedEvents.listen(at: brokerURL) { published in
                var mine = database.settings
                mine.size = 2
                let relayPool = Pool(mine, logger: .silent, metrics: Metrics())
                try await relaying(relayPool, brokerURL) {
                    repeat {
                        try await append(90, to: pool)
                    } while try await pool.query("SELECT last_value FROM deaths")[0].decode(0, as: Int.self) < 6
                    let (repetitions, defects) = try await published.compare(with: pool)
                    #expect(defects == [])
                    #expect(repetitions > 0, "no place was lost, so nothing was tried")
                }
                await relayPool.close()
            }
        }
    }

    @Test func `the place is stored only when the broker has confirmed`() async throws {
        try await withServers { database, pool, brokerURL in
            var mine = database.settings
            mine.size = 2
            let settings = mine
            try await append(30, to: pool)
            let first = Pool(settings, logger: .silent, metrics: Metrics())
            let lines = RecordedLog()
            try await relaying(first, "amqp://nobody:there@127.0.0.1:1/%2f", logger: lines.logger()) {
                try await eventually("it has failed to publish") {
                    lines.all.contains { $0.contains("leader's duty failed") }
                }
            }
            await first.close()
            #expect(try await pool.query("SELECT FROM shared.cursors").isEmpty)
            try await PublishedEvents.listen(at: brokerURL) { published in
                let second = Pool(settings, logger: .silent, metrics: Metrics())
                try await relaying(second, brokerURL) {
                    let (repetitions, defects) = try await published.compare(with: pool)
                    #expect(repetitions == 0)
                    #expect(defects == [])
                }
                await second.close()
            }
        }
    }

    @Test func `a second relay takes over where a dead one has stopped`() async throws {
        try await withServers { database, pool, brokerURL in
            var mine = database.settings
            mine.size = 2
            let settings = mine
            try await PublishedEvents.listen(at: brokerURL) { published in
                let first = Pool(settings, logger: .silent, metrics: Metrics())
                let second = Pool(settings, logger: .silent, metrics: Metrics())
                try await relaying(first, brokerURL) {
                    try await append(30, to: pool)
                    try await eventually("something is published") { await published.count > 0 }
                    try await relaying(second, brokerURL) {
                        // Without a session it can neither go on nor give the lease back, as if it were dead.
                        await first.close()
                        try await append(30, to: pool)
                        #expect(try await published.compare(with: pool).defects == [])
                    }
                }
                await second.close()
                let fence = try await pool.query("SELECT fence FROM shared.leases WHERE name = 'relay'")[0]
                #expect(try fence.decode(0, as: Int.self) == 2)
            }
        }
    }

    @Test func `who has lost the lead cannot move the place`() async throws {
        try await withServers { _, pool, _ in
            func acquire(_ holder: UUID) async throws -> Int64? {
                try await pool.query(LeaseStatements.acquire("relay", holder: holder, term: .zero)).first?.decode(0)
            }
            func move(to row: Int64, fence: Int64) async throws -> Int {
                let place = LogPlace(transaction: TransactionID(rawValue: 9), row: row)
                return try await pool.execute(
                    LeaseStatements.moveCursor("relay", epoch: "e", to: place, fence: fence, lease: "relay")
                )
            }
            let ids = IdentifierSource()
            let old = try #require(try await acquire(ids.uuid()))
            #expect(try await move(to: 1, fence: old) == 1)
            let new = try #require(try await acquire(ids.uuid()))
            #expect(new > old)
            #expect(try await move(to: 7, fence: new) == 1)
            #expect(try await move(to: 2, fence: old) == 0)
            let row = try await pool.query("SELECT row_id FROM shared.cursors WHERE name = 'relay'")[0]
            #expect(try row.decode(0, as: Int64.self) == 7)
        }
    }
}
