import JSON
import Kernel

/// An argument that a modern request repeats in a header, because the tool's schema says `x-mcp-header` there.
struct ParameterHeader: Sendable, Hashable {
    /// The way to the argument, by names of properties.
    let path: [String]
    /// The header's name behind `Mcp-Param-`.
    let name: String

    private static let key = "x-mcp-header"
    private static let single: Set<String> = [
        "items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties",
        "not",
        "if", "then", "else", "contentSchema",
    ]
    private static let lists: Set<String> = ["allOf", "anyOf", "oneOf", "prefixItems"]
    private static let maps: Set<String> = ["patternProperties", "dependentSchemas", "$defs", "definitions"]

    /// All of a schema's.
    ///
    /// - Throws: `Unusable` when one is where it must not be: such a tool is not to be called.
    static func all(in schema: JSONElement) throws(RemoteTool.Unusable) -> [ParameterHeader] {
        var found: [ParameterHeader] = []
        try collect(schema, [], &found)
        return found
    }

    /// `path` is `nil` below anything but plain properties.
    private static func collect(
        _ schema: JSONElement,
        _ path: [String]?,
        _ found: inout [ParameterHeader]
    ) throws(RemoteTool.Unusable) {
        for member in schema.members {
            switch member.name {
            case key:
                guard let path, !path.isEmpty, let name = member.value.string, isToken(name),
                    ["string", "integer", "boolean"].contains(schema["type"]?.string),
                    !found.contains(where: { $0.name.lowercased() == name.lowercased() })
                else { throw RemoteTool.Unusable(reason: "its schema wants a header that cannot be") }
                found.append(ParameterHeader(path: path, name: name))
            case "properties":
                for property in member.value.members {
                    try collect(property.value, path.map { $0 + [property.name] }, &found)
                }
            case let name where single.contains(name): try collect(member.value, nil, &found)
            case let name where lists.contains(name):
                for element in member.value.elements { try collect(element, nil, &found) }
            case let name where maps.contains(name):
                for member in member.value.members { try collect(member.value, nil, &found) }
            default: break
            }
        }
    }

    private static func isToken(_ name: String) -> Bool {
        (1...100).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// The header for some arguments; `nil` when they lack it.
    func header(for arguments: JSONElement) -> (name: String, value: String)? {
        var value = arguments
        for name in path {
            guard let next = value.value(name) else { return nil }
            value = next
        }
        guard let text = value.string ?? value.int.map({ "\($0)" }) ?? value.bool.map({ $0 ? "true" : "false" }) else {
            return nil
        }
        return ("Mcp-Param-" + name, HeaderText.encode(text))
    }
}

/// Text that headers cannot hold as it is: `=?base64?…?=`.
enum HeaderText {
    static func encode(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        if isPlain, text.first != " ", text.last != " ", !text.hasPrefix("=?") { return text }
        let encoded = Base64URL.encode(Array(text.utf8)).replacing("-", with: "+").replacing("_", with: "/")
        return "=?base64?" + encoded + String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4) + "?="
    }
}
