import Kernel
import Postgres
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ListenerTests {
    @Test func `notices arrive, and a lost connection is made again and says so`() async throws {
        try await withPool { pool, database in
            let listener = Listener(
                database.settings,
                channels: ["jobs", "Odd \"name\""],
                logger: .silent,
                metrics: Metrics()
            )
            let running = Task { await listener.run() }
            var events = listener.events.makeAsyncIterator()
            #expect(await events.next() == .listening)
            try await pool.execute("SELECT pg_notify('jobs', \("one"))")
            #expect(await events.next() == .notice(Notice(channel: "jobs", payload: "one")))
            try await pool.execute("SELECT pg_notify(\("Odd \"name\""), '')")
            #expect(await events.next() == .notice(Notice(channel: "Odd \"name\"", payload: "")))

            let ended = try await pool.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = \(database.name + " listener")
                """
            )
            #expect(ended == 1)
            #expect(await events.next() == .listening)
            try await pool.execute("SELECT pg_notify('jobs', \("two"))")
            #expect(await events.next() == .notice(Notice(channel: "jobs", payload: "two")))

            running.cancel()
            await running.value
            #expect(await events.next() == nil)
        }
    }

    @Test func `notices that nobody reads stay bounded, and the reader is told`() async throws {
        try await withPool { pool, database in
            let listener = Listener(database.settings, channels: ["flood"], logger: .silent, metrics: Metrics())
            let running = Task { await listener.run() }
            var events = listener.events.makeAsyncIterator()
            #expect(await events.next() == .listening)
            try await pool.execute("SELECT pg_notify('flood', n::text) FROM generate_series(1, 3000) AS n")
            try await pool.execute("SELECT pg_notify('flood', 'last')")
            var received: [Listener.Event] = []
            while received.last != .notice(Notice(channel: "flood", payload: "last")) {
                received.append(try #require(await events.next()))
            }
            // Reading races with arriving: either all came through or the loss was announced.
            #expect(received.count == 3001 || received.contains(.overflowed))
            running.cancel()
            await running.value
        }
    }
}
