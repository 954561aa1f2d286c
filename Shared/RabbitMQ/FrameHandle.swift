import CRabbitMQ
import Kernel

/// Copies what the library decoded into values of our own; its memory is given back right after.
enum FrameHandle {
    static func copy(_ frame: borrowing amqp_frame_t) -> Frame {
        switch unsafe Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD: return unsafe copy(frame.payload.method)
        case AMQP_FRAME_HEADER:
            // For class 60 the library decodes into exactly this structure.
            guard let decoded = unsafe frame.payload.properties.decoded, unsafe frame.payload.properties.class_id == 60
            else { return .other }
            let properties = unsafe decoded.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee
            return unsafe .header(copy(properties), size: frame.payload.properties.body_size)
        case AMQP_FRAME_BODY: return unsafe .body(bytes(frame.payload.body_fragment))
        default: return .other
        }
    }

    /// The library decodes each method id into the structure that bears its name.
    private static func copy(_ method: amqp_method_t) -> Frame {
        guard let decoded = unsafe method.decoded else { return .other }
        switch unsafe method.id {
        case AMQP_BASIC_ACK_METHOD:
            let ack = unsafe decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
            return .ack(tag: ack.delivery_tag, multiple: ack.multiple != 0)
        case AMQP_BASIC_NACK_METHOD:
            let nack = unsafe decoded.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
            return .nack(tag: nack.delivery_tag, multiple: nack.multiple != 0)
        case AMQP_BASIC_RETURN_METHOD:
            let returned = unsafe decoded.assumingMemoryBound(to: amqp_basic_return_t.self).pointee
            return unsafe .begin(
                .returned(
                    code: Int(returned.reply_code),
                    text: text(returned.reply_text),
                    exchange: text(returned.exchange),
                    routingKey: text(returned.routing_key)
                )
            )
        case AMQP_BASIC_DELIVER_METHOD:
            let deliver = unsafe decoded.assumingMemoryBound(to: amqp_basic_deliver_t.self).pointee
            return unsafe .begin(
                .delivery(
                    tag: deliver.delivery_tag,
                    redelivered: deliver.redelivered != 0,
                    exchange: text(deliver.exchange),
                    routingKey: text(deliver.routing_key)
                )
            )
        case AMQP_BASIC_CANCEL_METHOD: return .cancel
        case AMQP_CONNECTION_BLOCKED_METHOD:
            let blocked = unsafe decoded.assumingMemoryBound(to: amqp_connection_blocked_t.self).pointee
            return unsafe .blocked(reason: text(blocked.reason))
        case AMQP_CONNECTION_UNBLOCKED_METHOD: return .unblocked
        case AMQP_CHANNEL_CLOSE_METHOD, AMQP_CONNECTION_CLOSE_METHOD:
            let (code, text) = unsafe closing(method)
            return .closed(code: code, text: text)
        default: return .other
        }
    }

    /// Code and text of a close of channel or connection.
    static func closing(_ method: amqp_method_t) -> (code: Int, text: String) {
        guard let decoded = unsafe method.decoded else { return (0, "no reason given") }
        if unsafe method.id == AMQP_CHANNEL_CLOSE_METHOD {
            let close = unsafe decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
            return unsafe (Int(close.reply_code), text(close.reply_text))
        }
        if unsafe method.id == AMQP_CONNECTION_CLOSE_METHOD {
            let close = unsafe decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
            return unsafe (Int(close.reply_code), text(close.reply_text))
        }
        return (0, "no reason given")
    }

    private static func copy(_ source: amqp_basic_properties_t) -> MessageProperties {
        func has(_ flag: Int32) -> Bool { unsafe source._flags & UInt32(flag) != 0 }
        let seconds = unsafe Int64(clamping: source.timestamp)
        return unsafe MessageProperties(
            messageID: has(AMQP_BASIC_MESSAGE_ID_FLAG) ? text(source.message_id) : nil,
            contentType: has(AMQP_BASIC_CONTENT_TYPE_FLAG) ? text(source.content_type) : nil,
            correlationID: has(AMQP_BASIC_CORRELATION_ID_FLAG) ? text(source.correlation_id) : nil,
            type: has(AMQP_BASIC_TYPE_FLAG) ? text(source.type) : nil,
            timestamp: has(AMQP_BASIC_TIMESTAMP_FLAG) ? timestamp(seconds: seconds) : nil,
            persistent: has(AMQP_BASIC_DELIVERY_MODE_FLAG) && source.delivery_mode == 2,
            headers: has(AMQP_BASIC_HEADERS_FLAG) ? table(source.headers) : [:]
        )
    }

    /// Other clients write any number here; one that is no time we can hold is clamped.
    private static func timestamp(seconds: Int64) -> Timestamp {
        Timestamp(microseconds: min(max(seconds, 0), Int64.max / 1_000_000) * 1_000_000)
    }

    static func text(_ source: amqp_bytes_t) -> String {
        unsafe String(decoding: UnsafeRawBufferPointer(start: source.bytes, count: source.len), as: UTF8.self)
    }

    private static func bytes(_ source: amqp_bytes_t) -> [UInt8] {
        unsafe [UInt8](UnsafeRawBufferPointer(start: source.bytes, count: source.len))
    }

    private static func table(_ source: amqp_table_t) -> [String: FieldValue] {
        var fields: [String: FieldValue] = [:]
        // The library promises `num_entries` valid entries.
        let entries = unsafe UnsafeBufferPointer(start: source.entries, count: Int(source.num_entries))
        unsafe entries.forEach { unsafe fields[text($0.key)] = unsafe value($0.value) }
        return fields
    }

    /// `kind` says which member of the union the library has written.
    private static func value(_ field: amqp_field_value_t) -> FieldValue {
        switch unsafe UInt32(field.kind) {
        case AMQP_FIELD_KIND_BOOLEAN.rawValue: return unsafe .bool(field.value.boolean != 0)
        case AMQP_FIELD_KIND_I8.rawValue: return unsafe .int(Int64(field.value.i8))
        case AMQP_FIELD_KIND_U8.rawValue: return unsafe .int(Int64(field.value.u8))
        case AMQP_FIELD_KIND_I16.rawValue: return unsafe .int(Int64(field.value.i16))
        case AMQP_FIELD_KIND_U16.rawValue: return unsafe .int(Int64(field.value.u16))
        case AMQP_FIELD_KIND_I32.rawValue: return unsafe .int(Int64(field.value.i32))
        case AMQP_FIELD_KIND_U32.rawValue: return unsafe .int(Int64(field.value.u32))
        case AMQP_FIELD_KIND_I64.rawValue: return unsafe .int(field.value.i64)
        case AMQP_FIELD_KIND_U64.rawValue: return unsafe .int(Int64(clamping: field.value.u64))
        case AMQP_FIELD_KIND_F32.rawValue: return unsafe .double(Double(field.value.f32))
        case AMQP_FIELD_KIND_F64.rawValue: return unsafe .double(field.value.f64)
        case AMQP_FIELD_KIND_UTF8.rawValue:
            let bytes = unsafe bytes(field.value.bytes)
            return String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(bytes)
        case AMQP_FIELD_KIND_BYTES.rawValue: return unsafe .bytes(bytes(field.value.bytes))
        case AMQP_FIELD_KIND_TIMESTAMP.rawValue:
            return unsafe .timestamp(timestamp(seconds: Int64(clamping: field.value.u64)))
        case AMQP_FIELD_KIND_TABLE.rawValue: return unsafe .table(table(field.value.table))
        case AMQP_FIELD_KIND_ARRAY.rawValue:
            let array = unsafe field.value.array
            return unsafe .array(
                UnsafeBufferPointer(start: array.entries, count: Int(array.num_entries)).map { unsafe value($0) }
            )
        default: return .null  // void, and the decimal that nobody sends
        }
    }
}
