import Kernel

/// Where the services are and who we are to them.
///
/// Each is taken from the environment, else from the file `.martlet/env` of the current folder or one above it, else
/// from what `make run` uses.
struct Endpoints: Sendable {
    let agent: String
    let jobQueue: String
    let notification: String
    private let token: Secret<String>?

    init(environment: [String: String], file: [String: String] = [:]) {
        func find(_ names: [String]) -> String? {
            names.lazy.compactMap { environment[$0] }.first ?? names.lazy.compactMap { file[$0] }.first
        }
        func url(_ name: String, port: Int) -> String {
            let text = find(["MARTLET_URL_\(name)", "\(name)_URL"]) ?? "http://127.0.0.1:\(port)"
            return text.hasSuffix("/") ? String(text.dropLast()) : text
        }
        agent = url("AGENT", port: 8080)
        jobQueue = url("JOB_QUEUE", port: 8081)
        notification = url("NOTIFICATION", port: 8082)
        token = find(["MARTLET_TOKEN", "MARTLET_DEV_TOKEN"]).map { Secret($0) }
    }

    /// The token for a service. The development token is offered to this machine only.
    func token(for url: String) -> Secret<String>? {
        token ?? (Endpoints.isLocal(url) ? Secret("dev-token") : nil)
    }

    /// Whether a token was configured.
    var hasToken: Bool { token != nil }

    /// Reads lines of `KEY=VALUE`; `#` begins a comment.
    static func parse(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            values[String(parts[0])] = String(parts[1])
        }
        return values
    }

    private static func isLocal(_ url: String) -> Bool {
        let host = url.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }
        return ["127.0.0.1", "localhost", "[::1]"].contains { host == $0 || host.hasPrefix("\($0):") }
    }
}
