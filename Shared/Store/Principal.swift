public import Contracts
public import Kernel

/// Who a request comes from, and what they may do.
public struct Principal: Sendable, Hashable {
    /// A stable name: `key:<id>`, `user:<subject>`, `dev`.
    public let name: String
    /// What they may do.
    public let scopes: Set<Scope>
    /// The only project they may see; `nil` for all.
    public let project: ProjectID?
    /// When the token ends by itself; what outlives a request must end with it.
    public let expiresAt: Timestamp?
    /// The only contexts they may watch, where the token says so; it narrows what `project` allows.
    public let contexts: [ContextPattern]?

    /// A caller.
    public init(
        name: String,
        scopes: Set<Scope>,
        project: ProjectID? = nil,
        expiresAt: Timestamp? = nil,
        contexts: [ContextPattern]? = nil
    ) {
        self.name = name
        self.scopes = scopes
        self.project = project
        self.expiresAt = expiresAt
        self.contexts = contexts
    }

    /// Whether they may do what `scope` names; `admin` may do everything.
    public func may(_ scope: Scope) -> Bool { scopes.contains(scope) || scopes.contains(.admin) }
}
