import JSON
import Settings

/// A JSON file of providers: read, checked against its schema, and turned into kinds, with every mistake at its place.
struct ProviderFile<Item> {
    /// What the file declares, as far as it is right.
    private(set) var items: [Item] = []
    /// What is wrong, one sentence each.
    private(set) var problems: [String] = []

    /// Reads `text`, an object with one array called `list` whose elements look like `schema`.
    init(
        text: String,
        list: String,
        schema: JSONSchema,
        make: (JSONElement, inout ProviderMistakes) -> Item?
    ) {
        let root: JSONElement
        do throws(JSONError) {
            root = try JSONDocument(parsing: text).root
        } catch {
            problems = ["is not JSON: \(error)"]
            return
        }
        let whole = JSONSchema.object([
            .required(list, .array(of: schema, 0...200)), .optional("$schema", .string()),
        ])
        let issues = whole.issues(in: root)
        guard issues.isEmpty else {
            problems = issues.map { "at '\($0.pointer)' \($0.message)" }
            return
        }
        for (index, element) in (root[list]?.elements ?? JSONElement.null.elements).enumerated() {
            var mistakes = ProviderMistakes()
            let item = make(element, &mistakes)
            problems += mistakes.list.map { "at '/\(list)/\(index)\($0.pointer)' \($0.message)" }
            if let item, mistakes.list.isEmpty { items.append(item) }
        }
    }
}

/// Collects what is wrong with one provider.
struct ProviderMistakes {
    private(set) var list: [JSONIssue] = []

    /// Notes a mistake.
    mutating func note(_ pointer: String, _ message: String) {
        list.append(JSONIssue(pointer: pointer, message: message))
    }

    /// The value of `make`; its error is a mistake at `pointer`.
    mutating func value<Value>(_ pointer: String, _ make: () throws -> Value) -> Value? {
        do {
            return try make()
        } catch let error as ArgumentTemplate.Mistake {
            note(pointer, error.message)
        } catch let error as JSONSchemaError {
            note(pointer + error.pointer, error.message)
        } catch {
            note(pointer, "cannot be used")
        }
        return nil
    }
}
