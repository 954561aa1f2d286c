public import Contracts
public import HTTPServer
public import JSON
public import Store
public import Telemetry

/// What names a route.
struct RouteName: Sendable, Hashable {
    let method: String
    let pattern: String

    init(_ method: HTTPServer.Method, _ pattern: String) {
        self.method = method.rawValue
        self.pattern = pattern
    }
}

/// A call of a route that did not come by HTTP, such as a tool's.
public struct InnerCall: Sendable {
    /// Who makes it.
    public let principal: Principal
    /// Its id, in answers and logs.
    public let requestID: String
    /// The trace it belongs to.
    public let trace: TraceContext
    /// Whatever the route takes: values of its path, of its query, and members of its body, by name.
    public let arguments: JSONElement
    /// The Idempotency-Key, if the call has one.
    public let key: String?

    /// A call.
    public init(
        as principal: Principal,
        requestID: String,
        trace: TraceContext,
        arguments: JSONElement,
        key: String? = nil
    ) {
        self.principal = principal
        self.requestID = requestID
        self.trace = trace
        self.arguments = arguments
        self.key = key
    }
}

extension API {
    /// The schema of all that a route takes, in one object: its path's values, its query and its body's members.
    ///
    /// - Precondition: The route is there, and its body is an object or nothing.
    public func arguments(of method: HTTPServer.Method, _ pattern: String) -> JSONSchema {
        guard let operation = frames[RouteName(method, pattern)]?.frame.operation else {
            preconditionFailure("there is no route \(method.rawValue) \(pattern)")
        }
        let path = API.places(in: pattern).map { JSONSchema.Property.required($0, .uuid) }
        let query = operation.query.map { JSONSchema.Property.optional($0.name, $0.schema.described($0.help)) }
        guard case .json(let body, _) = operation.body else { return .object(path + query) }
        return body.adding(path + query)
    }

    /// The scope that a route wants.
    public func scope(of method: HTTPServer.Method, _ pattern: String) -> Scope? {
        frames[RouteName(method, pattern)]?.frame.operation.scope
    }

    /// Runs a route with all its checks but the token's.
    ///
    /// - Throws: `ServiceError`, and nothing else.
    public func perform(_ method: HTTPServer.Method, _ pattern: String, _ inner: InnerCall) async throws(ServiceError)
        -> Reply
    {
        guard let (frame, handler) = frames[RouteName(method, pattern)] else {
            throw ServiceError(.notFound("ROUTE"), "there is no such route")
        }
        do {
            if let scope = frame.operation.scope, !inner.principal.may(scope) {
                throw ServiceError(.forbidden, "the token lacks the scope \(scope.rawValue)")
            }
            let request = API.request(method, pattern, frame.operation, inner)
            return try await handler(try frame.check(request, as: inner.principal, inner.requestID, inner.trace))
        } catch {
            throw ServiceError.describing(error) ?? frame.fault(error, inner.requestID)
        }
    }

    /// The request that would have the same arguments.
    private static func request(
        _ method: HTTPServer.Method,
        _ pattern: String,
        _ operation: Operation,
        _ inner: InnerCall
    ) -> Request {
        let names = places(in: pattern)
        let fields = operation.query.map(\.name)
        var target = pattern
        for name in names { target = target.replacing("{\(name)}", with: inner.arguments[name]?.string ?? "") }
        let query = fields.compactMap { name in
            inner.arguments.value(name)
                .map { "\(name)=\(escape($0.string ?? String(decoding: $0.raw.bytes, as: UTF8.self)))" }
        }
        if !query.isEmpty { target += "?" + query.joined(separator: "&") }
        var headers: Headers = [:]
        var body: [UInt8] = []
        if case .json = operation.body {
            headers.add("Content-Type", "application/json")
            body = JSONWriter.bytes { json in
                json.object { json in
                    for member in inner.arguments.members
                    where !names.contains(member.name) && !fields.contains(member.name) {
                        json.member(member.name, member.value)
                    }
                }
            }
        }
        if let key = inner.key { headers.add("Idempotency-Key", key) }
        return Request(
            method: method,
            target: target,
            headers: headers,
            body: RequestBody(body),
            parameters: PathParameters(names: names, values: names.map { inner.arguments[$0]?.string ?? "" })
        )
    }

    /// The names in a pattern's braces.
    private static func places(in pattern: String) -> [String] {
        pattern.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }

    private static func escape(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                escaped.unicodeScalars.append(UnicodeScalar(byte))
            default: escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }
}
