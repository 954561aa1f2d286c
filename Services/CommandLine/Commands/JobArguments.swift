import Contracts
import JSON
import Kernel

/// What a job is to be, as the arguments of several commands tell it.
struct JobArguments: Sendable {
    static let options: [OptionSyntax] = [
        .value("kind", "KIND", "what is to be done; generate by default"),
        .value("card", "ID", "the card it is for"),
        .value("param", "NAME=VALUE", "one of the params; a VALUE that is JSON is taken as such", repeatable: true),
        .value("params", "JSON", "the params as one object"), .value("queue", "QUEUE", "the queue"),
        .value("priority", "N", "higher runs first"), .value("tag", "TAG", "a tag", repeatable: true),
    ]

    let card: CardID?
    private let kind: String?
    private let params: [(name: String, value: RawJSON)]
    private let queue: String?
    private let priority: Int?
    private let tags: [String]

    init(_ arguments: ParsedArguments) throws {
        card = try arguments.value("card").map { try CardID(argument: $0) }
        kind = arguments.value("kind")
        params = try JobArguments.params(arguments)
        queue = arguments.value("queue")
        priority = try arguments.int("priority", in: -1000...1000)
        tags = arguments.all("tag")
    }

    /// Writes the members of a submission, but for the card.
    func writeMembers(to json: inout JSONWriter) {
        if let kind { json.member("kind", kind) }
        json.member("params") { json in
            json.object { json in for (name, value) in params { json.member(name, value) } }
        }
        if let queue { json.member("queue", queue) }
        if let priority { json.member("priority", priority) }
        if !tags.isEmpty { json.member("tags", tags) }
    }

    /// `--params` with each `--param` laid over it, in the order given.
    private static func params(_ arguments: ParsedArguments) throws -> [(name: String, value: RawJSON)] {
        var params: [(name: String, value: RawJSON)] = []
        if let text = arguments.value("params") {
            let root: JSONElement
            do { root = try JSONDocument(parsing: text).root } catch {
                throw UsageError("--params is not JSON: \(error)")
            }
            guard root.kind == .object else { throw UsageError("--params must be a JSON object") }
            params = root.members.map { ($0.name, $0.value.raw) }
        }
        for pair in arguments.all("param") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { throw UsageError("--param \(pair) is not NAME=VALUE") }
            let name = String(parts[0])
            params.removeAll { $0.name == name }
            params.append((name, value(String(parts[1]))))
        }
        return params
    }

    private static func value(_ text: String) -> RawJSON {
        do {
            return try JSONDocument(parsing: text).root.raw
        } catch {
            // Not JSON, so it is meant as a text.
            return RawJSON(JSONWriter.bytes { $0.value(text) })
        }
    }
}
