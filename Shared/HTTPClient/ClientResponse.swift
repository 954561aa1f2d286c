public import Kernel

/// The names and values of a response, looked up without regard to case.
public struct ResponseHeaders: Sendable, Hashable {
    /// A header as it came.
    public struct Field: Sendable, Hashable {
        /// The name in the server's spelling.
        public let name: String
        /// The value without surrounding white space.
        public let value: String
    }

    /// All of them, in order.
    public private(set) var fields: [Field] = []

    /// The first value of that name.
    public subscript(name: String) -> String? {
        let name = name.lowercased()
        return fields.first { $0.name.lowercased() == name }?.value
    }

    /// All values of that name, in order.
    public func values(_ name: String) -> [String] {
        let name = name.lowercased()
        return fields.filter { $0.name.lowercased() == name }.map(\.value)
    }

    mutating func append(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }
}

/// Status and headers.
public struct ResponseHead: Sendable, Hashable {
    /// 200 … 599.
    public let status: Int
    /// The headers.
    public let headers: ResponseHeaders
}

extension ResponseHead {
    /// How long the server asks to wait, by `Retry-After` in seconds or as a date.
    public func retryAfter(now: Timestamp) -> Duration? {
        headers["Retry-After"].flatMap { RetryRule.retryAfter($0, now: now) }
    }
}

/// A whole response.
public struct ClientResponse: Sendable, Hashable {
    /// Status and headers.
    public let head: ResponseHead
    /// The content.
    public let body: [UInt8]
    /// 200 … 599.
    public var status: Int { head.status }
    /// The headers.
    public var headers: ResponseHeaders { head.headers }
    /// The content as UTF-8; what is not UTF-8 is replaced.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// A response whose body is still coming.
public struct StreamingResponse: Sendable {
    /// Status and headers.
    public let head: ResponseHead
    /// The content, as it comes. Letting go of it ends the transfer.
    public let body: ResponseBody
    /// 200 … 599.
    public var status: Int { head.status }
    /// The headers.
    public var headers: ResponseHeaders { head.headers }
}
