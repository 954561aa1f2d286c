import Contracts
import Kernel
import RabbitMQ

/// An event as a message of the broker: CloudEvents 1.0 in binary mode.
enum EventMessage {
    static func message(_ event: LoggedEvent, epoch: String, after previous: LogPlace, at now: Timestamp) -> Message {
        var headers: [String: FieldValue] = [
            "cloudEvents:id": .string(event.id),
            "cloudEvents:source": "/martlet",
            "cloudEvents:type": .string(event.type),
            "cloudEvents:subject": .string(event.subject.description),
            "cloudEvents:time": .string(event.at.description),
            "cloudEvents:specversion": "1.0",
            EventPassage.storedHeader: .int(event.at.microseconds),
            EventPassage.publishedHeader: .int(now.microseconds),
        ]
        if let traceparent = event.traceparent { headers["traceparent"] = .string(traceparent) }
        return Message(
            exchange: EventType.exchange,
            routingKey: event.type,
            body: event.wire(epoch: epoch, after: previous),
            properties: MessageProperties(
                messageID: event.id,
                contentType: "application/json",
                timestamp: event.at,
                headers: headers
            ),
            mandatory: true
        )
    }
}
