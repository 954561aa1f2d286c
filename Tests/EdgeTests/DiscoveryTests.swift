import Concurrency
import Foundation
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Lifecycle
import Settings
import Telemetry
import TestSupport
import Testing

@testable import Edge

/// Where services are found, and how they are made to be found.
@Suite(.timeLimit(.minutes(1))) struct DiscoveryTests {
    static let one = #"[{"Node":{"Address":"10.0.0.9"},"Service":{"Address":"10.0.0.1","Port":81}}]"#
    static let none = #"[]"#
    static let two =
        #"[{"Node":{"Address":"10.0.0.9"},"Service":{"Address":"","Port":82}},{"Node":{"Address":"x"},"Service":{"Address":"10.0.0.2","Port":83}}]"#

    static func directory(random: RandomSource = .system) throws -> ServiceDirectory {
        var reader = SettingsReader(environment: ["JOB_QUEUE_URL": "http://configured:1/"])
        let settings = DiscoverySettings(&reader, service: "agent")
        try #require(reader.problems == [])
        return ServiceDirectory(settings, random: random)
    }

    /// Runs a service until `body` has ended.
    static func running(_ service: any Service, _ body: () async throws -> Void) async throws {
        let stop = StopSignal()
        let running = Task { try await service.run(until: stop) }
        do {
            try await body()
        } catch {
            stop.raise()
            try await running.value
            throw error
        }
        stop.raise()
        try await running.value
    }

    @Test func `the configured URL counts where nothing else is known`() throws {
        #expect(try DiscoveryTests.directory().url(of: .jobQueue) == "http://configured:1")
    }

    @Test func `of two instances the one with fewer calls is taken`() async throws {
        let directory = try DiscoveryTests.directory()
        let instances = [ServiceInstance(host: "a", port: 1), ServiceInstance(host: "b", port: 2)]
        directory.learn(instances, of: .jobQueue)
        try await directory.withURL(of: .jobQueue) { first in
            for _ in 0..<20 { #expect(directory.url(of: .jobQueue) != first) }
        }
        var seen: Set<String> = []
        for _ in 0..<200 { seen.insert(directory.url(of: .jobQueue)) }
        #expect(seen == ["http://a:1", "http://b:2"])
    }

    @Test func `instances are followed, and kept while Consul is away`() async throws {
        let client = Client(logger: .silent, metrics: Metrics())
        let directory = try DiscoveryTests.directory()
        try await ScriptedConsul.run { consul, url in
            consul.publish(DiscoveryTests.one, index: 7)
            let watch = ConsulWatch(
                ConsulClient(url: url, client: client),
                names: [.jobQueue],
                directory: directory,
                logger: .silent
            )
            try await DiscoveryTests.running(watch) {
                try await eventually { directory.url(of: .jobQueue) == "http://10.0.0.1:81" }
                consul.publish(DiscoveryTests.two)
                try await eventually { directory.url(of: .jobQueue) != "http://10.0.0.1:81" }
                // Without an address of its own a service has its node's.
                var seen: Set<String> = []
                while seen.count < 2 { seen.insert(directory.url(of: .jobQueue)) }
                #expect(seen == ["http://10.0.0.9:82", "http://10.0.0.2:83"])
                // Another history: its smaller index does not stop the queries.
                consul.publish(DiscoveryTests.one, index: 2)
                try await eventually { directory.url(of: .jobQueue) == "http://10.0.0.1:81" }
            }
            #expect(consul.requests.first == "/v1/health/service/job-queue?passing&index=0&wait=60s")
            #expect(consul.requests.contains { $0.contains("index=7&") })
        }
        // Consul is gone by now.
        #expect(directory.url(of: .jobQueue) == "http://10.0.0.1:81")
        await client.shutdown()
    }

    @Test func `a process registers once it listens, again when it was forgotten, and goes at the end`() async throws {
        let client = Client(logger: .silent, metrics: Metrics())
        try await ScriptedConsul.run { consul, url in
            let bound = Promise<UInt16>()
            let registration = ConsulRegistration(
                ConsulClient(url: url, client: client),
                .agent,
                host: "10.1.1.1",
                bound: bound,
                logger: .silent,
                interval: .milliseconds(20)
            )
            try await DiscoveryTests.running(registration) {
                #expect(consul.registrations.isEmpty)
                bound.succeed(8080)
                try await eventually { !consul.registrations.isEmpty }
                let (id, body) = try #require(consul.registrations.first)
                #expect(id.hasPrefix("agent-10.1.1.1-8080-"))
                let check = try JSONDocument(parsing: body).root["Check"]
                #expect(check?["HTTP"]?.string == "http://10.1.1.1:8080/health")
                #expect(check?["Interval"]?.string == "10s")
                #expect(check?["DeregisterCriticalServiceAfter"]?.string == "1m")
                consul.forget()
                try await eventually { consul.registrations[id] != nil }
            }
            #expect(consul.registrations.isEmpty)
        }
        await client.shutdown()
    }

    /// A real Consul, where one is.
    static let consulURL = ProcessInfo.processInfo.environment["CONSUL_TEST_URL"]

    @Test(.enabled(if: consulURL != nil, "CONSUL_TEST_URL names no Consul"))
    func `a real Consul finds what was registered`() async throws {
        let url = try #require(DiscoveryTests.consulURL)
        let client = Client(logger: .silent, metrics: Metrics())
        let consul = ConsulClient(url: url, client: client)
        let directory = try DiscoveryTests.directory()
        var router = Router()
        router.add(.get, "/health", body: .buffered(atMost: 0)) { _ in Response(.ok) }
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
        let address = try await server.start()
        let bound = Promise<UInt16>()
        bound.succeed(address.port)
        let registration = ConsulRegistration(consul, .jobQueue, host: "127.0.0.1", bound: bound, logger: .silent)
        let watch = ConsulWatch(consul, names: [.jobQueue], directory: directory, logger: .silent)
        try await DiscoveryTests.running(watch) {
            try await DiscoveryTests.running(registration) {
                // Its first check comes within ten seconds.
                try await eventually("the instance is found") {
                    directory.url(of: .jobQueue) == "http://127.0.0.1:\(address.port)"
                }
            }
            try await eventually("it is gone") { directory.url(of: .jobQueue) == "http://configured:1" }
        }
        await server.stop(grace: .zero)
        await client.shutdown()
    }
}
