import Store

/// What runs of agents may call: our own tools, those that are configured, and those of servers, as long as these are
/// there. All are called, checked and recorded in the one way of `ToolRegistry`.
struct Toolbox: Sendable {
    private let registry: ToolRegistry
    private let sources: [any ToolSource]

    /// A toolbox. What is always there is in `registry`; no name of a source may hide one of it.
    init(_ registry: ToolRegistry, sources: [any ToolSource]) {
        self.registry = registry
        self.sources = sources
    }

    /// All tools that there are now, by name.
    var tools: [Tool] {
        var seen = Set(registry.tools.map(\.name))
        let foreign = sources.flatMap(\.tools).filter { seen.insert($0.name).inserted }
        return foreign.isEmpty ? registry.tools : (registry.tools + foreign).sorted { $0.name < $1.name }
    }

    /// The tools that somebody may call.
    func tools(for principal: Principal) -> [Tool] { tools.filter { $0.scope.map(principal.may) ?? true } }

    /// The tool of a name.
    func tool(_ name: String) -> Tool? {
        if let tool = registry.tool(name) { return tool }
        for source in sources {
            if let tool = source.tool(name) { return tool }
        }
        return nil
    }

    /// Calls a tool. Whatever goes wrong is an answer too, that tells the model what to do about it.
    ///
    /// - Throws: `CancellationError` when the caller is gone; the call is recorded all the same.
    func call(_ tool: Tool, _ call: ToolCall, from source: ToolRecord.Source) async throws -> ToolAnswer {
        try await registry.call(tool, call, from: source)
    }
}
