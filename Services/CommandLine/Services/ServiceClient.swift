import Contracts
import HTTPClient
import JSON
import Kernel

/// Calls the services and turns their refusals into ends of the program.
struct ServiceClient: Sendable {
    let client: Client
    let endpoints: Endpoints

    /// Sends a request and returns the answer's JSON (`null` where there is none).
    func call(
        _ method: String,
        _ base: String,
        _ path: String,
        body: [UInt8]? = nil,
        key: String? = nil
    ) async throws -> JSONElement {
        var headers = headers(for: base)
        if body != nil { headers.append((name: "Content-Type", value: "application/json")) }
        if let key { headers.append((name: "Idempotency-Key", value: key)) }
        let request = ClientRequest(
            method,
            base + path,
            headers: headers,
            body: body.map { .bytes($0) } ?? .none,
            timeouts: .init(connect: .seconds(3), total: .seconds(15)),
            retry: .safe(attempts: 3)
        )
        let response: ClientResponse
        do {
            response = try await client.send(request)
        } catch let error as ClientError {
            throw ServiceClient.unreachable(base, error)
        }
        guard (200..<300).contains(response.status) else {
            throw ServiceClient.refusal(response.status, response.body, of: base)
        }
        guard !response.body.isEmpty else { return .null }
        do {
            return try JSONDocument(parsing: response.body).root
        } catch {
            throw CommandFailure(.unreachable, "\(base) does not answer as a Martlet service")
        }
    }

    /// A key under which a request may be sent again.
    static func newKey() -> String { "cli:\(IdentifierSource().uuid())" }

    /// The headers of every request to a service.
    func headers(for base: String) -> [(name: String, value: String)] {
        endpoints.token(for: base).map { [(name: "Authorization", value: "Bearer \($0.reveal())")] } ?? []
    }

    static func unreachable(_ base: String, _ error: ClientError) -> CommandFailure {
        CommandFailure(.unreachable, "\(base) is not reachable: \(error). Is it running? Try: martlet doctor")
    }

    /// The end of the program for an answer that is no success.
    static func refusal(_ status: Int, _ body: [UInt8], of base: String) -> CommandFailure {
        var text = "\(base) answers \(status)"
        do {
            let error = try JSONDocument(parsing: body).root["error"]
            if let message = error?["message"]?.string {
                text = "\(message) (\(error?["code"]?.string ?? "\(status)"))"
            }
            for issue in error?["details"]?["errors"]?.elements.map({ $0 }) ?? [] {
                text += "\n  \(issue["pointer"]?.string ?? "") \(issue["message"]?.string ?? "")"
            }
        } catch {
            // Some proxy's page: the status alone must do.
        }
        return switch status {
        case 401, 403: CommandFailure(.refused, text)
        case 404: CommandFailure(.notFound, text)
        case 500...: CommandFailure(.unreachable, text)
        default: CommandFailure(.failure, text)
        }
    }
}
