/// A request method that can be routed. Others are answered with 501.
public enum Method: String, Sendable, Hashable, CaseIterable {
    /// Reads.
    case get = "GET"
    /// Reads the header of what GET would answer; served by the GET route.
    case head = "HEAD"
    /// Creates or acts.
    case post = "POST"
    /// Replaces.
    case put = "PUT"
    /// Changes parts.
    case patch = "PATCH"
    /// Removes.
    case delete = "DELETE"
    /// Asks what is allowed; answered by the server unless it is routed.
    case options = "OPTIONS"

    init?(_ bytes: ArraySlice<UInt8>) {
        // By far the most frequent; the rest goes through the raw value.
        if bytes.elementsEqual("GET".utf8) {
            self = .get
        } else if bytes.elementsEqual("POST".utf8) {
            self = .post
        } else {
            self.init(rawValue: String(decoding: bytes, as: UTF8.self))
        }
    }
}
