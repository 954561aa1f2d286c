public import Kernel

/// Where the broker is, and as whom to log in. Its description never shows the password.
public struct BrokerAddress: Sendable, CustomStringConvertible {
    /// Why a URL is not the address of a broker. It carries nothing of the URL.
    public enum Invalid: Error, Sendable, Hashable, CustomStringConvertible {
        case scheme, host, port, percentEncoding, path, query

        /// Says which part is wrong.
        public var description: String {
            switch self {
            case .scheme: "the broker's URL must begin with amqp:// or amqps://"
            case .host: "the broker's URL has no valid host"
            case .port: "the broker's URL has a port that is not between 1 and 65535"
            case .percentEncoding: "the broker's URL has a broken percent-encoding or a zero byte"
            case .path: "the broker's URL has more than one path segment; write a / in a virtual host as %2f"
            case .query: "the broker's URL has a query or a fragment, which mean nothing here"
            }
        }
    }

    /// The host's name or address, without brackets.
    public let host: String
    /// The port.
    public let port: UInt16
    /// The user, `guest` when the URL names none.
    public let user: String
    /// The password, `guest` when the URL names none.
    public let password: Secret<String>
    /// The virtual host, `/` when the URL names none.
    public let virtualHost: String
    /// Whether the connection is encrypted and the broker's certificate checked (`amqps`).
    public let usesTLS: Bool

    /// Parses `amqp[s]://[user[:password]@]host[:port][/virtual-host]`, each part percent-encoded.
    public init(url: String) throws(Invalid) {
        let rest: Substring
        if url.hasPrefix("amqp://") {
            rest = url.dropFirst(7)
            usesTLS = false
        } else if url.hasPrefix("amqps://") {
            rest = url.dropFirst(8)
            usesTLS = true
        } else {
            throw .scheme
        }
        guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else { throw .query }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { throw .path }
        let path = parts.count == 2 ? try Self.decode(parts[1]) : ""
        virtualHost = path.isEmpty ? "/" : path

        let authority = parts[0]
        let place: Substring
        if let at = authority.lastIndex(of: "@") {
            let login = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = try Self.decode(login[0])
            password = Secret(login.count == 2 ? try Self.decode(login[1]) : "guest")
            place = authority[authority.index(after: at)...]
        } else {
            user = "guest"
            password = Secret("guest")
            place = authority
        }
        let name: Substring
        let digits: Substring?
        if place.hasPrefix("[") {
            guard let end = place.firstIndex(of: "]") else { throw .host }
            name = place[place.index(after: place.startIndex)..<end]
            let after = place[place.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw .host }
            digits = after.isEmpty ? nil : after.dropFirst()
        } else {
            let pieces = place.split(separator: ":", omittingEmptySubsequences: false)
            guard pieces.count <= 2 else { throw .host }
            name = pieces[0]
            digits = pieces.count == 2 ? pieces[1] : nil
        }
        host = try Self.decode(name)
        guard !host.isEmpty else { throw .host }
        if let digits {
            guard let number = UInt16(digits), number > 0 else { throw .port }
            port = number
        } else {
            port = usesTLS ? 5671 : 5672
        }
    }

    /// The same broker and user, another virtual host.
    public func withVirtualHost(_ name: String) -> BrokerAddress { BrokerAddress(self, virtualHost: name) }

    private init(_ other: BrokerAddress, virtualHost: String) {
        host = other.host
        port = other.port
        user = other.user
        password = other.password
        usesTLS = other.usesTLS
        self.virtualHost = virtualHost
    }

    /// The address without the password.
    public var description: String {
        "\(usesTLS ? "amqps" : "amqp")://\(user):•••@\(host.contains(":") ? "[\(host)]" : host):\(port)/\(virtualHost)"
    }

    private static func decode(_ text: Substring) throws(Invalid) -> String {
        var bytes: [UInt8] = []
        var input = text.utf8.makeIterator()
        while let byte = input.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = input.next(), let low = input.next(),
                let decoded = Hex.decode(String(decoding: [high, low], as: UTF8.self))
            else { throw .percentEncoding }
            bytes += decoded
        }
        guard !bytes.contains(0), let decoded = String(validating: bytes, as: UTF8.self) else { throw .percentEncoding }
        return decoded
    }
}
