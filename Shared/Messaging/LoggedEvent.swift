import Contracts
public import JSON
public import Kernel
import Postgres

/// An event as the log holds it.
public struct LoggedEvent: Sendable {
    /// Where it stands.
    public let place: LogPlace
    /// What it reports; a routing key.
    public let type: String
    /// Its id, the same at every repetition.
    public let id: String
    /// What changed.
    public let subject: UUID
    /// Which change of the subject.
    public let seq: Int
    /// When it was written.
    public let at: Timestamp
    /// The wire form without positions.
    public let body: RawJSON
    /// The trace it belongs to.
    public let traceparent: String?

    init(_ row: Row) throws {
        var reader = row.reader
        let transaction: TransactionID = try reader.next()
        place = LogPlace(transaction: transaction, row: try reader.next())
        type = try reader.next()
        id = try reader.next()
        subject = try reader.next()
        seq = try reader.next()
        at = try reader.next()
        body = try reader.next()
        traceparent = try reader.next()
    }

    /// The wire form: the body with the event's position and that of the one before it.
    public func wire(epoch: String, after previous: LogPlace) -> [UInt8] {
        var bytes = body.bytes
        while bytes.last != UInt8(ascii: "}"), bytes.popLast() != nil {}
        bytes.removeLast()
        bytes += ",\"position\":\"\(place.position(in: epoch))\"".utf8
        bytes += ",\"prev_position\":\"\(previous.position(in: epoch))\"}".utf8
        return bytes
    }
}
