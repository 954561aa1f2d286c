public import JSON
public import Kernel

/// A request with places for values: in its URL (percent-encoded there), and in the strings of its body.
///
/// A string in the body that is nothing but one place becomes the value's own JSON, or its member is left out when the
/// value is missing.
public struct RequestTemplate: Sendable {
    private let method: String
    private let url: TextTemplate
    private let headers: Secret<[(name: String, value: String)]>
    private let body: RawJSON?

    /// A template. The headers go with every request as they are.
    public init(method: String, url: TextTemplate, headers: Secret<[(name: String, value: String)]>, body: RawJSON?) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    /// The request for some values; `nil` when the URL lacks one.
    public func request(_ values: [String: JSONElement], extra: [(name: String, value: String)] = []) throws
        -> ClientRequest?
    {
        let texts = values.compactMapValues(RequestTemplate.text)
        guard let url = url.filled(texts.mapValues(RequestTemplate.percentEncoded)) else { return nil }
        var headers = headers.reveal() + extra
        var content = ClientRequest.Body.none
        if let body {
            let root = try JSONDocument(parsing: body.bytes).root
            content = .bytes(try JSONWriter.bytes { try RequestTemplate.write(root, values, texts, to: &$0) })
            headers.append(("Content-Type", "application/json"))
        }
        return ClientRequest(
            method,
            url,
            headers: headers,
            body: content,
            timeouts: ClientRequest.Timeouts(connect: .seconds(5), total: .seconds(30))
        )
    }

    private static func write(
        _ template: JSONElement,
        _ values: [String: JSONElement],
        _ texts: [String: String],
        to json: inout JSONWriter
    ) throws {
        switch template.kind {
        case .object:
            try json.object { json in
                for member in template.members {
                    if let name = wholePlace(member.value), values[name] == nil { continue }
                    try json.member(member.name) { try write(member.value, values, texts, to: &$0) }
                }
            }
        case .array:
            try json.array { json in
                for element in template.elements { try write(element, values, texts, to: &json) }
            }
        case .string:
            let text = template.string ?? ""
            if let name = wholePlace(template) {
                json.value(values[name] ?? .null)
            } else {
                // A text around a missing value keeps the rest.
                let parts = try TextTemplate(text)
                let missing = parts.names.filter { texts[$0] == nil }.map { ($0, "") }
                json.value(parts.filled(texts.merging(missing) { given, _ in given }) ?? "")
            }
        default: json.value(template)
        }
    }

    private static func wholePlace(_ value: JSONElement) -> String? {
        guard let text = value.string, text.hasPrefix("{"), text.hasSuffix("}") else { return nil }
        let name = text.dropFirst().dropLast()
        return name.isEmpty || name.contains("{") || name.contains("}") ? nil : String(name)
    }

    /// A value as it stands in a text; `nil` for arrays, objects and `null`.
    public static func text(_ value: JSONElement) -> String? {
        switch value.kind {
        case .string: value.string
        case .integer: value.int.map { "\($0)" }
        case .number: value.double.map { "\($0)" }
        case .boolean: value.bool.map { "\($0)" }
        default: nil
        }
    }

    /// A text as it stands in one segment of a URL.
    public static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            if isUnreserved(byte) {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                encoded += "%" + Hex.encode([byte]).uppercased()
            }
        }
        // A segment of dots alone would climb.
        return encoded.allSatisfy { $0 == "." } ? encoded.replacing(".", with: "%2E") : encoded
    }

    /// What RFC 3986 lets stand for itself everywhere in a URL.
    public static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "-_.~".utf8.contains(byte)
        }
    }
}
