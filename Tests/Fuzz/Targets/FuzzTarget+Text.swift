import Contracts
import Edge
import HTTPClient
import HTTPServer
import Kernel
import RabbitMQ
import Settings
import Telemetry

extension FuzzTarget {
    static let uuid = FuzzTarget("uuid", UUID.self, ["019ca8ba-0000-7000-8000-0000000000ff"])

    static let position = FuzzTarget("position", Position.self, ["a1b2.12.34", "e.18446744073709551615.0"])

    static let contextID = FuzzTarget(
        "context",
        ContextID.self,
        [
            "all", "card:019ca8ba-0000-7000-8000-0000000000ff", "019ca8ba-0000-7000-8000-0000000000ff",
            "job:019ca8ba-0000-7000-8000-0000000000ff", "queue:default", "project:019ca8ba-0000-7000-8000-0000000000ff",
        ]
    )

    /// A moment that is read is written to the millisecond, in the same 24 characters for all moments.
    static let timestamp = FuzzTarget(
        text: "timestamp",
        [
            "2026-03-01T09:30:00.125Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
            "2024-02-29t00:00:00+23:59", "1969-12-31T23:59:59.9-23:59",
        ]
    ) { text, random in
        let anything = Timestamp(microseconds: Int64(bitPattern: random.next()) >> Int64(random.below(64)))
        guard anything.description.utf8.count == 24 else { throw Broken("\(anything.microseconds) is \(anything)") }
        guard let moment = Timestamp(text) else { return false }
        guard let again = Timestamp(moment.description), (.zero..<Duration.milliseconds(1)).contains(moment - again)
        else {
            throw Broken("\(text.debugDescription) is written as \(moment)")
        }
        return true
    }

    static let hex = FuzzTarget(text: "hex", ["", "00ff", "DEADbeef"]) { text, random in
        let bytes = (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        guard Hex.decode(Hex.encode(bytes)) == bytes else { throw Broken("\(bytes) does not come back") }
        guard let bytes = Hex.decode(text) else { return false }
        guard Hex.encode(bytes) == text.lowercased() else { throw Broken("\(text.debugDescription) is not its own") }
        return true
    }

    /// One text for each sequence of bytes: what is read is written the same.
    static let base64URL = FuzzTarget(text: "base64url", ["", "AA", "_-8", "SGVsbG8"]) { text, random in
        let bytes = (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        guard Base64URL.decode(Base64URL.encode(bytes)) == bytes else { throw Broken("\(bytes) does not come back") }
        guard let bytes = Base64URL.decode(text) else { return false }
        guard Base64URL.encode(bytes) == text else { throw Broken("\(text.debugDescription) is not its own") }
        return true
    }

    static let traceContext = FuzzTarget(
        text: "traceparent",
        [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-holds",
        ]
    ) { text, _ in
        guard let context = TraceContext(traceparent: text, tracestate: text) else { return false }
        guard let again = TraceContext(traceparent: context.traceparent, tracestate: context.state), again == context
        else {
            throw Broken("\(text.debugDescription) is written as \(context.traceparent)")
        }
        guard context.traceparent.utf8.prefix(52).dropFirst(2).elementsEqual(text.utf8.prefix(52).dropFirst(2)) else {
            throw Broken("\(text.debugDescription) became \(context.traceparent)")
        }
        return true
    }

    /// A part is never empty and never outside of the file.
    static let byteRange = FuzzTarget(
        text: "byte-range",
        ["bytes=0-0", "bytes=-5", "bytes=5-", "bytes=2-100", "bytes=0-1,3-4"]
    ) { text, random in
        let size = random.pick([0, 1, 10, 1 << 20, Int.max]) ?? 0
        guard case .part(let range) = ByteRange(text, size: size) else { return false }
        guard !range.isEmpty, range.lowerBound >= 0, range.upperBound <= size else {
            throw Broken("\(text.debugDescription) of \(size) is \(range)")
        }
        return true
    }

    static let mediaType = FuzzTarget(
        text: "media-type",
        [
            "application/json", "application/problem+json; charset=utf-8", "application/json;charset=\"UTF-8\"",
            "text/html, application/json;q=0.5, */*;q=0", "application/*",
        ]
    ) { text, _ in
        guard MediaType.accepts(text + ",application/json", "application/json") else {
            throw Broken("\(text.debugDescription) hides what follows it")
        }
        guard MediaType.isJSON(text + "\t") == MediaType.isJSON(text) else {
            throw Broken("white space after \(text.debugDescription) counts")
        }
        return MediaType.isJSON(text) || MediaType.accepts(text, "application/json")
    }

    /// An address never shows its password, and a refusal never shows anything of the URL.
    static let brokerAddress = FuzzTarget(
        text: "broker-address",
        [
            "amqp://guest:s3cr3t@localhost:5672/%2f", "amqps://u%40x:p%3Aw@[::1]/host", "amqp://h", "amqp://h:1/",
        ]
    ) { text, random in
        let secret = "pw" + Hex.encode((0..<8).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        do {
            let address = try BrokerAddress(url: text)
            guard !address.host.isEmpty, address.port > 0 else { throw Broken("\(text.debugDescription) has no place") }
            let known = try BrokerAddress(url: "amqp://u:\(secret)@h/")
            guard !known.description.contains(secret) else { throw Broken("a password is shown") }
            return true
        } catch let error as BrokerAddress.Invalid {
            guard !error.description.contains(secret) else { throw Broken("a URL is shown") }
            return false
        }
    }

    /// Every mistake is reported, and none of them, nor what is shown, has a secret in it.
    static let settings = FuzzTarget(
        text: "settings",
        ["8080", "true", "no", "development", "postgres://u:p@h/d", "", "  \n"]
    ) { text, random in
        let secret = "s" + Hex.encode((0..<8).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        struct Unreadable: Error {}
        var environment = ["PORT": text, "FLAG": text, "TEXT_FILE": text, "MS": text, "KEY": secret]
        if random.chance(2) { environment["TEXT"] = text }
        var reader = SettingsReader(environment: environment) { path in
            guard path.count.isMultiple(of: 2) else { throw Unreadable() }
            return path
        }
        let port = reader.int("PORT", "a port", default: 1, in: 0...65_535)
        let wait = reader.milliseconds("MS", "a time", default: 1, in: 0...1000)
        _ = reader.flag("FLAG", "a flag", default: true)
        _ = reader.string("TEXT", "a text", default: "x")
        let key = reader.secret("KEY", "a key")
        guard (0...65_535).contains(port), (.zero...Duration.seconds(1)).contains(wait), key.reveal() == secret else {
            throw Broken("\(text.debugDescription) leads to \(port) and \(wait)")
        }
        guard !"\(reader.entries)\(reader.problems)\(key)".contains(secret) else { throw Broken("a secret is shown") }
        guard reader.entries.count == 5 else { throw Broken("a setting is missing from the account") }
        return reader.problems.isEmpty
    }

    /// The same events for any split of the same stream.
    static let serverSentEvents = FuzzTarget(
        "server-sent-events",
        [
            "id: 1\nevent: job\ndata: {\"a\":1}\n\ndata: two\ndata: lines\r\n\r\n",
            "\u{FEFF}: comment\rdata:x\r\rretry: 100\nretry: x\nid\n\nid: \0\n\n", "data\n\ndata\ndata\n\ndata:",
        ]
    ) { input, random in
        let limit = random.pick([1, 16, 64, 1 << 20]) ?? 1
        let whole = events(in: [input[...]], limit)
        let pieces = events(in: random.pieces(of: input), limit)
        let bytes = events(in: input.indices.map { input[$0...$0] }, limit)
        guard whole == pieces, whole == bytes else { throw Broken("the events depend on the split") }
        return whole?.isEmpty == false
    }

    private static func events(in pieces: [ArraySlice<UInt8>], _ limit: Int) -> [ServerSentEvent]? {
        var reader = ServerSentEvents(maximumEventBytes: limit)
        var events: [ServerSentEvent] = []
        do throws(ServerSentEvents.TooLarge) {
            for piece in pieces { events += try reader.feed(piece) }
            return events
        } catch {
            return nil
        }
    }
}
