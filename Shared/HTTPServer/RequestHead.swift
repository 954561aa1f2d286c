internal import CBeast

/// A request's head as the parser gave it, copied out of C.
struct RequestHead {
    /// Their text begins with the method and the target.
    let headers: Headers
    private let methodCount: Int
    let target: Range<Int>
    /// `nil` when not given.
    let contentLength: Int?
    let isChunked: Bool
    let keepAlive: Bool
    let isHTTP10: Bool
    /// Whether the request goes on after its head.
    let hasBody: Bool

    var method: ArraySlice<UInt8> { headers.text[..<methodCount] }

    /// Copies the head; its pointers are valid during the callback that brings it.
    init(_ head: cb_head) {
        let text = unsafe head.text.copy
        // `fields` are `field_count` values, valid during the callback.
        let fields = unsafe UnsafeBufferPointer(start: head.fields, count: head.field_count)
            .map { field in
                Headers.Field(
                    nameStart: field.name_offset,
                    nameCount: field.name_count,
                    valueStart: field.value_offset,
                    valueCount: field.value_count
                )
            }
        headers = Headers(text: text, fields: fields)
        methodCount = unsafe Int(head.method_count)
        target = unsafe Int(head.target_offset)..<Int(head.target_offset + head.target_count)
        contentLength = unsafe head.content_length < 0 ? nil : Int(head.content_length)
        isChunked = unsafe head.chunked
        keepAlive = unsafe head.keep_alive
        isHTTP10 = unsafe head.http10
        hasBody = unsafe !head.whole
    }

    /// Whether the client asks for a WebSocket, well or not.
    var asksForWebSocket: Bool {
        headers.contains("Upgrade") && headers.list("Upgrade", contains: "websocket")
            && headers.list("Connection", contains: "upgrade")
    }

    /// What is wrong with a WebSocket handshake (RFC 6455 §4.2.1).
    var handshakeFailure: RoutingFailure? {
        if isHTTP10 { return .malformed("a WebSocket needs HTTP/1.1") }
        if headers.all("Sec-WebSocket-Version") != ["13"] { return .upgradeRequired }
        let keys = headers.all("Sec-WebSocket-Key")
        guard keys.count == 1, let key = keys.first, RequestHead.isKey(key) else {
            return .malformed("malformed Sec-WebSocket-Key")
        }
        return nil
    }

    /// 16 bytes in Base64: 22 digits, the last of them with four bits unset, and two signs of padding.
    private static func isKey(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        guard bytes.count == 24, bytes.suffix(2).elementsEqual("==".utf8), "AQgw".utf8.contains(bytes[21]) else {
            return false
        }
        return bytes.prefix(22)
            .allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "+"), UInt8(ascii: "/"): true
                default: false
                }
            }
    }
}
