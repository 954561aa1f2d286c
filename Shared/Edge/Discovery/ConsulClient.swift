public import HTTPClient
import JSON
import Kernel

/// The little of Consul's HTTP interface that discovery needs.
public struct ConsulClient: Sendable {
    /// Consul did not answer as it should.
    struct Unexpected: Error, CustomStringConvertible {
        let status: Int
        var description: String { "Consul answers \(status)" }
    }

    /// A registration as Consul is told of it.
    struct Registration: Sendable {
        let id: String
        let name: ServiceName
        let instance: ServiceInstance

        /// Consul calls `/health` itself, and forgets an instance that was critical for a minute.
        var body: [UInt8] {
            JSONWriter.bytes { json in
                json.object { json in
                    json.member("ID", id)
                    json.member("Name", name.rawValue)
                    json.member("Address", instance.host)
                    json.member("Port", instance.port)
                    json.member("Check") { json in
                        json.object {
                            $0.member("HTTP", "\(instance.url)/health")
                            $0.member("Interval", "10s")
                            $0.member("Timeout", "5s")
                            $0.member("DeregisterCriticalServiceAfter", "1m")
                        }
                    }
                }
            }
        }
    }

    private let base: String
    private let client: Client

    /// A client of the Consul agent at `url`.
    public init(url: String, client: Client) {
        base = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.client = client
    }

    /// The instances of a service that pass their checks. With an `index` it waits up to `wait` until that is no longer
    /// the present one.
    func passing(
        _ name: ServiceName,
        index: UInt64,
        wait: Duration
    ) async throws -> (instances: [ServiceInstance], index: UInt64) {
        let seconds = wait.components.seconds
        let url = "\(base)/v1/health/service/\(name.rawValue)?passing&index=\(index)&wait=\(seconds)s"
        // Consul adds up to a sixteenth of the wait, so that not all who wait come back at once.
        let total = Duration.seconds(seconds + seconds / 16 + 5)
        let request = ClientRequest("GET", url, timeouts: .init(connect: .seconds(2), total: total))
        let response = try await client.send(request)
        guard response.status == 200 else { throw Unexpected(status: response.status) }
        let root = try JSONDocument(parsing: response.body).root
        let next = response.headers["X-Consul-Index"].flatMap { UInt64($0) } ?? 0
        return (root.elements.compactMap(ConsulClient.instance), next)
    }

    /// Reads an instance. A service without an address of its own has its node's.
    static func instance(_ entry: JSONElement) -> ServiceInstance? {
        let own = entry["Service"]?.value("Address")?.string ?? ""
        let host = own.isEmpty ? entry["Node"]?.value("Address")?.string ?? "" : own
        guard let port = entry["Service"]?.value("Port")?.int, (1...65_535).contains(port), !host.isEmpty else {
            return nil
        }
        return ServiceInstance(host: host, port: port)
    }

    func register(_ registration: Registration) async throws {
        try await put("/v1/agent/service/register", body: registration.body)
    }

    func deregister(id: String) async throws { try await put("/v1/agent/service/deregister/\(id)", body: []) }

    /// Whether the agent knows a registration; one that was started again has forgotten.
    func knows(id: String) async throws -> Bool {
        let timeouts = ClientRequest.Timeouts(connect: .seconds(2), total: .seconds(5))
        let status = try await client.send(ClientRequest("GET", "\(base)/v1/agent/service/\(id)", timeouts: timeouts))
            .status
        guard status == 200 || status == 404 else { throw Unexpected(status: status) }
        return status == 200
    }

    private func put(_ path: String, body: [UInt8]) async throws {
        let request = ClientRequest(
            "PUT",
            base + path,
            headers: [("Content-Type", "application/json")],
            body: .bytes(body),
            timeouts: .init(connect: .seconds(2), total: .seconds(5))
        )
        let status = try await client.send(request).status
        guard status == 200 else { throw Unexpected(status: status) }
    }
}
