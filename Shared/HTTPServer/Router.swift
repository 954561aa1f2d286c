internal import Kernel

/// Answers a request. It does not throw: the layer above turns errors into responses.
public typealias Handler = @Sendable (Request) async -> Response

/// What a route does with a request's body. A larger one is answered with 413 before it is read.
public enum BodyPolicy: Sendable, Hashable {
    /// There must be none.
    case none
    /// It is read whole before the handler runs.
    case buffered(atMost: Int)
    /// The handler runs at once and reads it as it comes.
    case streamed(atMost: Int)

    var limit: Int {
        switch self {
        case .none: 0
        case .buffered(let limit), .streamed(let limit): limit
        }
    }
}

/// The routes of a server. Patterns are paths; `{name}` stands for one segment and `{name...}`, at the end, for the
/// rest of the path. A literal segment goes before a place.
public struct Router: Sendable {
    /// Builds the responses of what the server answers itself: the one place that knows the shape of its errors.
    public var fallback: @Sendable (RoutingFailure, Request) -> Response = RoutingFailure.standardResponse

    private var tree = RouteTree()

    /// No routes.
    public init() {}

    /// Adds a route. A second one for the same method and pattern is a mistake and traps. With `endsWithClient` a
    /// client that stops sending is taken to be gone, and the handler is cancelled at once: what is given out to those
    /// who wait must not go to the dead.
    public mutating func add(
        _ method: Method,
        _ pattern: String,
        body: BodyPolicy = .buffered(atMost: 1 << 20),
        deadline: Duration = .seconds(60),
        endsWithClient: Bool = false,
        handler: @escaping Handler
    ) {
        tree.add(pattern) { names in
            RouteTree.Entry(
                key: .method(method),
                route: Route(
                    body: body,
                    deadline: deadline,
                    endsWithClient: endsWithClient,
                    names: names,
                    pattern: pattern,
                    action: .respond(handler)
                )
            )
        }
    }

    /// Adds a route whose handler answers without waiting for anything. It runs as soon as the request has come, and
    /// costs no task and no change of tasks; while it runs the loop does nothing else.
    public mutating func add(
        _ method: Method,
        _ pattern: String,
        body: BodyPolicy = .buffered(atMost: 1 << 20),
        handler: @escaping @Sendable (Request) -> Response
    ) {
        tree.add(pattern) { names in
            RouteTree.Entry(
                key: .method(method),
                route: Route(
                    body: body,
                    deadline: .seconds(60),
                    names: names,
                    pattern: pattern,
                    action: .answer(handler)
                )
            )
        }
    }

    /// Adds a route for WebSockets. `upgrade` decides for each handshake that is well formed.
    public mutating func webSocket(
        _ pattern: String,
        deadline: Duration = .seconds(60),
        _ upgrade: @escaping @Sendable (Request) async -> Upgrade
    ) {
        tree.add(pattern) { names in
            RouteTree.Entry(
                key: .webSocket,
                route: Route(body: .none, deadline: deadline, names: names, pattern: pattern, action: .upgrade(upgrade))
            )
        }
    }

    /// What is to be done with a request.
    enum Decision {
        case route(Route, PathParameters)
        /// OPTIONS of a path that does not route it.
        case options(allow: [Method])
        case failure(RoutingFailure)
    }

    /// Decides for a path that is a part of `bytes`.
    func decide(_ method: Method, _ bytes: [UInt8], _ path: Range<Int>, isUpgrade: Bool) -> Decision {
        if path.count == 1, bytes[path.lowerBound] == UInt8(ascii: "*") {
            return method == .options ? .options(allow: Method.allCases) : .failure(.malformed("malformed target"))
        }
        switch tree.find(bytes, path) {
        case .malformed: return .failure(.malformed("malformed escape in the path"))
        case .none: return .failure(.notFound)
        case .found(let node, let values):
            let entries = tree.entries[node]
            let key: RouteTree.Key = isUpgrade && method == .get ? .webSocket : .method(method)
            if let route = Router.route(key, entries) ?? Router.route(.method(method == .head ? .get : method), entries)
            {
                return .route(route, PathParameters(names: route.names, values: values))
            }
            let allow = Router.allowed(entries)
            if method == .options { return .options(allow: allow) }
            let speaksOnlyWebSocket = method == .get && entries.contains { $0.key == .webSocket }
            return .failure(speaksOnlyWebSocket ? .upgradeRequired : .methodNotAllowed(allow: allow))
        }
    }

    private static func route(_ key: RouteTree.Key, _ entries: [RouteTree.Entry]) -> Route? {
        for entry in entries where entry.key == key { return entry.route }
        return nil
    }

    private static func allowed(_ entries: [RouteTree.Entry]) -> [Method] {
        var methods: Set<Method> = [.options]
        for entry in entries {
            switch entry.key {
            case .webSocket: methods.insert(.get)
            case .method(.get): methods.formUnion([.get, .head])
            case .method(let method): methods.insert(method)
            }
        }
        return Method.allCases.filter(methods.contains)
    }
}

/// What is done for one method and pattern.
final class Route: Sendable {
    enum Action: Sendable {
        case respond(Handler)
        case answer(@Sendable (Request) -> Response)
        case upgrade(@Sendable (Request) async -> Upgrade)
    }

    let body: BodyPolicy
    let deadlineMilliseconds: Int64
    let endsWithClient: Bool
    let names: [String]
    let pattern: String
    let action: Action

    init(
        body: BodyPolicy,
        deadline: Duration,
        endsWithClient: Bool = false,
        names: [String],
        pattern: String,
        action: Action
    ) {
        self.body = body
        deadlineMilliseconds = deadline.milliseconds
        self.endsWithClient = endsWithClient
        self.names = names
        self.pattern = pattern
        self.action = action
    }
}
