public import HTTPServer
public import JSON

/// What a handler answers.
public struct Reply: Sendable {
    enum Content: Sendable {
        case none
        case json([UInt8])
        case response(Response)
    }

    var status: Status
    var headers: [(String, String)]
    let content: Content

    /// JSON that `write` writes.
    public static func json(
        _ status: Status = .ok,
        headers: [(String, String)] = [],
        _ write: (inout JSONWriter) throws -> Void
    ) rethrows -> Reply {
        Reply(status: status, headers: headers, content: .json(try JSONWriter.bytes(write)))
    }

    /// A value as JSON.
    public static func json(_ value: some JSONWritable, status: Status = .ok, headers: [(String, String)] = []) -> Reply
    {
        .json(status, headers: headers) { $0.value(value) }
    }

    /// JSON that is written already.
    public static func json(bytes: [UInt8], _ status: Status = .ok, headers: [(String, String)] = []) -> Reply {
        Reply(status: status, headers: headers, content: .json(bytes))
    }

    /// 204.
    public static let noContent = Reply(status: .noContent, headers: [], content: .none)

    /// Something other than JSON.
    public static func response(_ response: Response) -> Reply {
        Reply(status: response.status, headers: [], content: .response(response))
    }

    /// The JSON of the answer; `nil` for one that is something else or has none.
    public var json: RawJSON? {
        if case .json(let bytes) = content { RawJSON(bytes) } else { nil }
    }

    /// The response with this reply's headers.
    var response: Response {
        var response: Response
        switch content {
        case .none: response = Response(status)
        case .json(let bytes):
            response = Response(status, type: "application/json", bytes)
        case .response(let whole): response = whole
        }
        for (name, value) in headers { response.headers.set(name, value) }
        return response
    }
}
