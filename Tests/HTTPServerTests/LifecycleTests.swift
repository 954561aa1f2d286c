import Concurrency
import HTTPServer
import Telemetry
import Testing

/// Handlers that hang, clients that vanish, servers that start and stop.
@Suite(.timeLimit(.minutes(1))) struct LifecycleTests {
    @Test func `a handler that hangs is answered for, and cancelled`() async throws {
        let probe = Probe<String>()
        try await withServer { router in
            router.add(.get, "/", deadline: .milliseconds(50)) { _ in
                do { try await Promise<Void>().value() } catch { await probe.record("cancelled") }
                return .text(.ok, "too late")
            }
        } _: { port, _ in
            let client = try RawClient.connect(port)
            let answer = try await client.ask(get("/"))
            #expect(answer.status == 504)
            #expect(answer["Connection"] == "close")
            try await probe.wait(for: "cancelled")
            // Exactly one response.
            #expect(try await client.isAtEnd())
        }
    }

    @Test func `a handler is cancelled when its client is gone`() async throws {
        let probe = Probe<String>()
        try await withServer {
            $0.halfCloseGrace = .milliseconds(50)
        } routes: { router in
            router.add(.get, "/") { _ in
                await probe.record("running")
                do { try await Promise<Void>().value() } catch { await probe.record("cancelled") }
                return .text(.ok, "done")
            }
        } _: { port, server in
            let crashed = try RawClient.connect(port)
            try await crashed.send(get("/"))
            try await probe.wait(for: "running")
            await crashed.reset()
            try await probe.wait(for: "cancelled")

            let closed = try RawClient.connect(port)
            try await closed.send(get("/"))
            try await probe.wait(for: "the second") { $0.filter { $0 == "running" }.count == 2 }
            await closed.endSending()
            try await probe.wait(for: "its cancellation") { $0.filter { $0 == "cancelled" }.count == 2 }
            // It may be there after all, so it gets what the handler made of its cancellation.
            #expect(try await closed.readAnswer().text == "done")
        }
    }

    @Test func `a handler that ends with its client does not outlive a closed connection`() async throws {
        let probe = Probe<String>()
        try await withServer {
            $0.halfCloseGrace = .seconds(600)
        } routes: { router in
            router.add(.get, "/", endsWithClient: true) { _ in
                await probe.record("running")
                do { try await Promise<Void>().value() } catch { await probe.record("cancelled") }
                return .text(.ok, "done")
            }
        } _: { port, server in
            let closed = try RawClient.connect(port)
            try await closed.send(get("/"))
            try await probe.wait(for: "running")
            await closed.endSending()
            try await probe.wait(for: "cancelled")
        }
    }

    @Test func `a stop lets a running request finish and ends the idle`() async throws {
        let running = Promise<Void>()
        let mayAnswer = Promise<Void>()
        try await withServer { router in
            router.add(.get, "/slow") { _ in
                running.succeed(())
                do { try await mayAnswer.value() } catch { return .text(.ok, "cancelled") }
                return .text(.ok, "finished")
            }
            router.add(.get, "/") { _ in Response(.ok) }
        } _: { port, server in
            let idle = try RawClient.connect(port)
            #expect(try await idle.ask(get("/")).status == 200)
            let busy = try RawClient.connect(port)
            try await busy.send(get("/slow"))
            try await running.value()
            async let stopped: Void = server.stop(grace: .seconds(20))
            #expect(try await idle.isAtEnd())
            #expect(throws: RawClient.Failure.self) { _ = try RawClient.connect(port) }
            mayAnswer.succeed(())
            let answer = try await busy.readAnswer()
            #expect(answer.text == "finished")
            #expect(answer["Connection"] == "close")
            await stopped
        }
    }

    @Test func `a stop cuts what does not finish within its grace`() async throws {
        let probe = Probe<String>()
        try await withServer { router in
            router.add(.get, "/") { _ in
                await probe.record("running")
                do { try await Promise<Void>().value() } catch { await probe.record("cancelled") }
                return Response(.ok)
            }
        } _: { port, server in
            let client = try RawClient.connect(port)
            try await client.send(get("/"))
            try await probe.wait(for: "running")
            await server.stop(grace: .milliseconds(20))
            #expect(await probe.events == ["running", "cancelled"])
        }
    }

    @Test(arguments: [true, false]) func `a port that is taken is noticed`(_ reusePort: Bool) async throws {
        try await withServer(loops: 2) {
            $0.reusePort = reusePort
        } routes: { router in
            router.add(.get, "/") { _ in Response(.ok) }
        } _: { port, _ in
            let answer = try await ask(port, get("/"))
            #expect(answer.status == 200)
            var settings = ServerSettings(port: port, loops: 2)
            settings.reusePort = reusePort
            let second = Server(settings: settings, router: Router(), logger: .silent, metrics: Metrics())
            await #expect(throws: ServerError.addressInUse(host: "127.0.0.1", port: port)) {
                _ = try await second.start()
            }
        }
    }

    @Test func `a host that is none of this machine's is noticed`() async throws {
        let settings = ServerSettings(host: "192.0.2.1", loops: 1)
        let server = Server(settings: settings, router: Router(), logger: .silent, metrics: Metrics())
        await #expect(throws: ServerError.addressNotAvailable(host: "192.0.2.1", port: 0)) {
            _ = try await server.start()
        }
    }

    @Test func `handlers run on the loop of their connection`() async throws {
        // Emptied at the end: routes that hold their own loops would keep the server for ever.
        final class Loops: Sendable { let list = Lock<[EventLoop]>([]) }
        let loops = Loops()
        try await withServer(loops: 2) { router in
            router.add(.get, "/") { _ in
                .text(.ok, "\(loops.list.withLock { $0 }.filter(\.isCurrent).count)")
            }
        } _: { port, server in
            loops.list.withLock { $0 = server.loops }
            defer { loops.list.withLock { $0 = [] } }
            for _ in 0..<8 {
                let answer = try await ask(port, get("/"))
                #expect(answer.text == "1")
            }
        }
    }

    @Test func `a handler that outlives its server ends nevertheless`() async throws {
        let probe = Probe<String>()
        let gate = Promise<Void>()
        try await withServer { router in
            router.add(.get, "/") { _ in
                await probe.record("running")
                // A task of its own, which no cancellation reaches.
                await Task { _ = await Task.detached { try await gate.value() }.result }.value
                await probe.record("ended")
                return .text(.ok, "")
            }
        } _: { port, server in
            let client = try RawClient.connect(port)
            try await client.send(get("/"))
            try await probe.wait(for: "running")
        }
        // The loop has ended; what it is asked to run now must run all the same.
        gate.succeed(())
        try await probe.wait(for: "ended")
    }

    @Test func `a loop runs what is submitted, at once, later, and at the end of a batch`() async throws {
        let probe = Probe<String>()
        try await withServer { _ in
        } _: { _, server in
            let loop = server.loops[0]
            let order = LoopConfined<[String]>(loop, [])
            loop.submit {
                loop.atBatchEnd {
                    order.withValue { $0.append("end") }
                    probe.note(order.withValue { $0.joined(separator: ",") })
                }
                loop.submit { order.withValue { $0.append("inner") } }
                order.withValue { $0.append("outer") }
            }
            try await probe.wait(for: "outer,inner,end")
            loop.schedule(after: .milliseconds(1)) { probe.note("after") }
            let every = loop.schedule(every: .milliseconds(1)) { probe.note("every") }
            try await probe.wait(for: "after")
            try await probe.wait(for: "two ticks") { $0.filter { $0 == "every" }.count >= 2 }
            every.cancel()
        }
    }

    @Test func `a loop that has ended lets go of its timers, and what they hold of itself`() async throws {
        final class Owner: Sendable {
            let loop: EventLoop
            let freed: Promise<Void>
            init(_ loop: EventLoop, _ freed: Promise<Void>) { (self.loop, self.freed) = (loop, freed) }
            deinit { freed.succeed(()) }
        }
        let freed = Promise<Void>()
        try await withServer { _ in
        } _: { _, server in
            let owner = Owner(server.loops[0], freed)
            owner.loop.schedule(every: .seconds(3600)) { withExtendedLifetime(owner) {} }
        }
        try await freed.value()
    }
}
