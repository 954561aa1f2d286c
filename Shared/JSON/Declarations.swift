/// A JSON text that declares a list of things: read, checked against its schema, and turned into them, with every
/// mistake at its place.
public struct Declarations<Item> {
    /// What the text declares, as far as it is right.
    public private(set) var items: [Item] = []
    /// What is wrong, one sentence each.
    public private(set) var problems: [String] = []

    /// Reads `text`, an object with one array called `list` whose elements look like `schema`.
    public init(
        text: String,
        list: String,
        schema: JSONSchema,
        make: (JSONElement, inout DeclarationMistakes) -> Item?
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
            var mistakes = DeclarationMistakes()
            let item = make(element, &mistakes)
            problems += mistakes.list.map { "at '/\(list)/\(index)\($0.pointer)' \($0.message)" }
            if let item, mistakes.list.isEmpty { items.append(item) }
        }
    }
}

/// An error that says what is wrong with a piece of JSON, and where in it.
public protocol JSONMistake: Error {
    /// Where, as a JSON pointer.
    var pointer: String { get }
    /// What is wrong there.
    var message: String { get }
}

extension JSONSchemaError: JSONMistake {}

/// Collects what is wrong with one thing that is declared.
public struct DeclarationMistakes {
    /// The mistakes so far.
    public private(set) var list: [JSONIssue] = []

    /// Notes a mistake.
    public mutating func note(_ pointer: String, _ message: String) {
        list.append(JSONIssue(pointer: pointer, message: message))
    }

    /// The value of `make`; its error is a mistake at `pointer`, or below it if it is a `JSONMistake`.
    public mutating func value<Value>(_ pointer: String, _ make: () throws -> Value) -> Value? {
        do {
            return try make()
        } catch let error as any JSONMistake {
            note(pointer + error.pointer, error.message)
        } catch {
            note(pointer, "cannot be used")
        }
        return nil
    }
}
