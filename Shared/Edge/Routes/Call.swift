import Contracts
public import HTTPServer
public import JSON
public import Kernel
public import Store
public import Telemetry

/// A request that has passed every check of its operation.
public struct Call: Sendable {
    /// The request as it came.
    public let request: Request
    /// Who makes it.
    public let principal: Principal
    /// Its id, in the answer and in the log.
    public let requestID: String
    /// The trace it belongs to.
    public let trace: TraceContext
    /// A logger that names the request.
    public let logger: Logger
    /// The body, valid by the operation's schema; an empty object where none was sent, and `null` for one that need not
    /// be JSON.
    public let body: JSONElement
    let query: [String: String]

    /// An id in the path. One that is no id cannot name a thing, so it is not found.
    public func id<Subject>(_ name: String = "id", of thing: String) throws -> Identifier<Subject> {
        guard let id = Identifier<Subject>(request.parameters[name] ?? "") else { throw ServiceError.notFound(thing) }
        return id
    }

    /// A parameter behind the question mark.
    public func text(_ name: String) -> String? { query[name] }
    /// A whole number behind the question mark.
    public func int(_ name: String) -> Int? { query[name].flatMap { Int($0) } }
    /// A time behind the question mark.
    public func time(_ name: String) -> Timestamp? { query[name].flatMap { Timestamp($0) } }
    /// An id behind the question mark.
    public func queryID<Subject>(_ name: String) -> Identifier<Subject>? { query[name].flatMap { Identifier($0) } }

    /// The page asked for: how many, and after which id.
    public func page() throws -> Page {
        try Page(limit: int("limit"), cursor: text("cursor"))
    }

    /// The version that `If-Match` names, if it does.
    public func expectedVersion() throws -> Int? {
        guard let header = request.headers["If-Match"] else { return nil }
        let digits = header.trimmingPrefix("W/")
        guard digits.count >= 3, digits.first == "\"", digits.last == "\"",
            let version = Int(digits.dropFirst().dropLast())
        else { throw ServiceError.invalid("If-Match", "must be a version in quotes") }
        return version
    }
}
