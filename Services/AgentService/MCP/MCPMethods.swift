import Contracts
import Edge
import JSON
import Kernel
import Telemetry

/// The methods that both eras have.
struct MCPMethods: Sendable {
    static let names: Set<String> = [
        "tools/list", "tools/call", "resources/list", "resources/read", "resources/templates/list", "prompts/list",
        "prompts/get", "completion/complete",
    ]
    static let instructions = """
        Martlet holds projects; projects have activities in order, activities have cards in order, cards have jobs that \
        generate something, and what they yield become assets that people approve. Read get_project_memory first. \
        submit_job costs money and time: submit only what was agreed to.
        """
    /// How many items a page has.
    private static let page = 50

    let registry: ToolRegistry
    let resources: MCPResources
    let tasks: MCPTasks
    let asking: MCPAsking
    let fixtures: MCPFixtures?

    /// Answers a request; whatever happens is said in the protocol's words.
    func answer(_ request: MCPRequest) async throws -> RawJSON {
        do {
            return try await perform(request)
        } catch let error as ServiceError {
            throw MCPError(error)
        }
    }

    /// What the server can do.
    func describe(isModern: Bool, to json: inout JSONWriter) {
        json.member("capabilities") { json in
            json.object { json in
                json.member("completions", RawJSON.emptyObject)
                if isModern { json.member("extensions", RawJSON(#"{"\#(MCPTasks.name)":{}}"#)) }
                json.member("logging", RawJSON.emptyObject)
                let lists = isModern && fixtures != nil ? RawJSON(#"{"listChanged":true}"#) : .emptyObject
                json.member("prompts", lists)
                json.member("resources", RawJSON(#"{"subscribe":true}"#))
                json.member("tools", lists)
            }
        }
        json.member("instructions", MCPMethods.instructions)
    }

    private func perform(_ request: MCPRequest) async throws -> RawJSON {
        let results = MCPResults(isModern: request.isModern)
        switch request.message.method {
        case "tools/list":
            let (tools, next) = try MCPMethods.cut(registry.tools(for: request.principal), request)
            return results.cached(for: .seconds(300)) {
                $0.member("tools", tools)
                if let next { $0.member("nextCursor", next) }
            }
        case "tools/call": return try await asking.answer(request) { try await call(request, results, $0) }
        case "resources/list": return try await list(request, results)
        case "resources/templates/list":
            let templates =
                MCPResources.templates.map { RawJSON(JSONWriter.bytes($0.write)) } + (fixtures?.templates ?? [])
            return results.cached(for: .seconds(300)) { $0.member("resourceTemplates", templates) }
        case "resources/read":
            guard let uri = request.parameters["uri"]?.string else { throw MCPError.parameters("uri is missing") }
            let found = try await read(uri, request)
            // Work goes on: what was read is old at once.
            return results.cached(for: .zero) { $0.member("contents", [found]) }
        case "prompts/list":
            let (shown, next) = try MCPMethods.cut(prompts, request)
            return results.cached(for: .seconds(300)) {
                $0.member("prompts", shown)
                if let next { $0.member("nextCursor", next) }
            }
        case "prompts/get": return try await asking.answer(request) { try get(request, results, $0) }
        case "completion/complete": return try await complete(request, results)
        case let method where MCPTasks.methods.contains(method) && request.isModern:
            return try await tasks.answer(request, results)
        default: throw MCPError.noMethod(request.message.method)
        }
    }

    /// What a resource holds.
    ///
    /// - Throws: `MCPError` when there is none of that URI, or none for the caller.
    func read(_ uri: String, _ request: MCPRequest) async throws -> MCPContents {
        if let found = fixtures?.read(uri) { return found }
        do {
            if let found = try await resources.read(uri, request) { return found }
        } catch let error as ServiceError {
            throw MCPError(error)
        }
        throw MCPError.noResource(uri, isModern: request.isModern)
    }

    private var prompts: [MCPPrompt] { MCPPrompt.all + (fixtures?.prompts ?? []) }

    private func call(_ request: MCPRequest, _ results: MCPResults, _ caller: CallerInput) async throws -> RawJSON {
        guard let name = request.parameters["name"]?.string else { throw MCPError.parameters("name is missing") }
        guard let tool = registry.tool(name) else { throw MCPError.parameters("there is no tool \(name.prefix(100))") }
        let arguments = try request.parameters["arguments"] ?? JSONDocument(parsing: "{}").root
        guard arguments.kind == .object else { throw MCPError.parameters("arguments must be an object") }
        let call = ToolCall(
            principal: request.principal,
            arguments: arguments,
            requestID: request.requestID,
            trace: request.trace,
            key: caller.key,
            progress: request.progress(),
            log: { request.log($0, $1) },
            caller: caller,
            // In the modern era the end of the connection is the end of the call.
            cutOff: { if !request.isModern { request.outbox.cutOff() } }
        )
        let begin = ContinuousClock.now
        let answer = try await registry.call(tool, call, from: .mcp)
        request.log(.debug, MCPMethods.report(of: tool, answer, after: .now - begin))
        if let task = try await tasks.begun(by: answer, of: tool, request) {
            return results.plain(type: "task") { task.writeMembers(to: &$0, details: false) }
        }
        return results.plain {
            $0.member("content", answer.content)
            if let structured = answer.structured { $0.member("structuredContent", structured) }
            $0.member("isError", answer.isError)
        }
    }

    /// How a call has ended.
    private static func report(of tool: Tool, _ answer: ToolAnswer, after time: Duration) -> RawJSON {
        RawJSON(
            JSONWriter.bytes { json in
                json.object {
                    $0.member("tool", tool.name)
                    $0.member("outcome", answer.isError ? "failed" : "succeeded")
                    $0.member("duration_ms", Double(time.microseconds) / 1000)
                }
            }
        )
    }

    private func list(_ request: MCPRequest, _ results: MCPResults) async throws -> RawJSON {
        let cursor = try MCPMethods.cursor(request)
        let page = try await resources.list(request, cursor: cursor)
        let items = (cursor == nil ? fixtures?.resources ?? [] : []) + page.items
        return results.cached(for: .seconds(10)) {
            $0.member("resources", items)
            if let next = page.next { $0.member("nextCursor", next) }
        }
    }

    private func get(_ request: MCPRequest, _ results: MCPResults, _ caller: CallerInput) throws -> RawJSON {
        let name = request.parameters["name"]?.string ?? ""
        guard let prompt = prompts.first(where: { $0.name == name }) else {
            throw MCPError.parameters("there is no prompt \(name.prefix(100))")
        }
        var given: [String: String] = [:]
        for member in request.parameters.value("arguments")?.members.map({ $0 }) ?? [] {
            guard let text = member.value.string, prompt.arguments.contains(where: { $0.name == member.name }) else {
                throw MCPError.parameters("the prompt takes no argument \(member.name.prefix(100)), or it is no text")
            }
            given[member.name] = text
        }
        for argument in prompt.arguments where argument.isRequired && given[argument.name] == nil {
            throw MCPError.parameters("the argument \(argument.name) is missing")
        }
        let texts = try prompt.text(given, caller)
        return results.plain { json in
            json.member("description", prompt.summary)
            json.member("messages") { json in
                json.array { json in
                    for text in texts {
                        json.object {
                            $0.member("role", "user")
                            $0.member("content", text)
                        }
                    }
                }
            }
        }
    }

    private func complete(_ request: MCPRequest, _ results: MCPResults) async throws -> RawJSON {
        guard let ref = request.parameters["ref"], let type = ref["type"]?.string,
            let argument = request.parameters["argument"], let name = argument["name"]?.string,
            let value = argument["value"]?.string
        else { throw MCPError.parameters("ref, argument.name and argument.value are needed") }
        let values: [String]
        switch type {
        case "ref/prompt":
            let prompt = ref["name"]?.string ?? ""
            guard prompts.contains(where: { $0.name == prompt }) else {
                throw MCPError.parameters("there is no prompt \(prompt.prefix(100))")
            }
            values = name == "project_id" ? try await resources.projects(value, request) : []
        case "ref/resource":
            let uri = ref["uri"]?.string ?? ""
            guard MCPResources.templates.contains(where: { $0.uri == uri }) || fixtures?.holds(uri) == true else {
                throw MCPError.parameters("there is no such template")
            }
            values = uri.hasPrefix("martlet://projects/") ? try await resources.projects(value, request) : []
        default: throw MCPError.parameters("ref.type must be ref/prompt or ref/resource")
        }
        return results.plain { json in
            json.member("completion") { json in
                json.object {
                    $0.member("values", Array(values.prefix(100)))
                    $0.member("total", values.count)
                    $0.member("hasMore", values.count > 100)
                }
            }
        }
    }

    /// The page of a list that never changes while the process runs: its cursor is a place.
    private static func cut<Item>(_ all: [Item], _ request: MCPRequest) throws -> (page: [Item], next: String?) {
        let cursor = try cursor(request)
        let start = try cursor.map { cursor in
            guard let bytes = Base64URL.decode(cursor), let place = Int(String(decoding: bytes, as: UTF8.self)),
                (1..<max(all.count, 1)).contains(place)
            else { throw MCPError.parameters("the cursor is none of this list") }
            return place
        }
        let page = all.dropFirst(start ?? 0).prefix(MCPMethods.page)
        let next = page.endIndex < all.count ? Base64URL.encode(Array("\(page.endIndex)".utf8)) : nil
        return (Array(page), next)
    }

    private static func cursor(_ request: MCPRequest) throws -> String? {
        guard let cursor = request.parameters.value("cursor") else { return nil }
        guard let text = cursor.string else { throw MCPError.parameters("a cursor is a text") }
        return text
    }
}
