import Contracts
import Edge
import HTTPServer
import JSON
import Store

/// Who may talk to the endpoint at all: no page of a foreign site, nobody who was led here under a foreign name, and
/// nobody without a token that may.
struct MCPGuard: Sendable {
    static let path = "/mcp"
    static let metadataPath = "/.well-known/oauth-protected-resource"

    let settings: MCPSettings
    let authenticate: @Sendable (Request) async throws -> Principal

    /// Lets a request in.
    ///
    /// - Throws: `Refusal`.
    func admit(_ request: Request) async throws -> Principal {
        if let origin = request.headers["Origin"] {
            guard let host = MCPGuard.host(ofURL: origin), settings.hosts.contains(host) else {
                throw Refusal(.forbidden, "pages of this origin may not call")
            }
        }
        guard let host = request.headers["Host"].map(MCPGuard.host(ofAuthority:)), settings.hosts.contains(host) else {
            throw Refusal(.forbidden, "this is not called so; MCP_ALLOWED_HOSTS says how")
        }
        let principal: Principal
        do {
            principal = try await authenticate(request)
        } catch let error as ServiceError where error.code == .unauthenticated {
            throw Refusal(error, challenge: challenge(nil))
        }
        guard principal.may(.mcp) else {
            throw Refusal(
                ServiceError(.forbidden, "the token lacks the scope mcp"),
                challenge: challenge("insufficient_scope")
            )
        }
        return principal
    }

    /// A request that gets no answer of the protocol.
    struct Refusal: Error {
        let error: ServiceError
        var challenge: String?

        init(_ code: ErrorCode, _ message: String) { error = ServiceError(code, message) }
        init(_ error: ServiceError, challenge: String?) {
            self.error = error
            self.challenge = challenge
        }

        func response(to request: Request) -> Response {
            var response = API.response(for: error, to: request)
            if let challenge { response.headers.set("WWW-Authenticate", challenge) }
            return response
        }
    }

    private func challenge(_ error: String?) -> String {
        var parts = ["scope=\"mcp\""]
        if let error { parts.insert("error=\"\(error)\"", at: 0) }
        if !settings.authorizationServers.isEmpty, let root = settings.resource.flatMap(MCPGuard.root(ofURL:)) {
            parts.append("resource_metadata=\"\(root)\(MCPGuard.metadataPath)\(MCPGuard.path)\"")
        }
        return "Bearer \(parts.joined(separator: ", "))"
    }

    /// RFC 9728: whose tokens are taken. Not there where nobody gives out tokens but Martlet itself.
    func metadata(_ request: Request) -> Response {
        guard !settings.authorizationServers.isEmpty, let resource = settings.resource else {
            return API.response(for: ServiceError(.notFound("ROUTE"), "tokens are API keys here"), to: request)
        }
        let body = JSONWriter.bytes { json in
            json.object {
                $0.member("resource", resource)
                $0.member("authorization_servers", settings.authorizationServers)
                $0.member("scopes_supported", Scope.allCases.map(\.rawValue))
                $0.member("bearer_methods_supported", ["header"])
            }
        }
        return Response(.ok, type: "application/json", body)
    }

    /// The host in `scheme://host:port/…`, in lower case.
    static func host(ofURL url: String) -> String? {
        guard let mark = url.firstRange(of: "://") else { return nil }
        return host(ofAuthority: String(url[mark.upperBound...].prefix { $0 != "/" }))
    }

    /// The host in `host:port`, in lower case.
    static func host(ofAuthority text: String) -> String {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") { return text[...end].lowercased() }
        return text.prefix { $0 != ":" }.lowercased()
    }

    private static func root(ofURL url: String) -> String? {
        guard let mark = url.firstRange(of: "://") else { return nil }
        return String(url[..<mark.upperBound]) + String(url[mark.upperBound...].prefix { $0 != "/" })
    }
}
