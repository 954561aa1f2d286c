import CRabbitMQ
import Kernel

/// Memory for the arguments of one call into the library: names and tables, valid until `reset`.
@safe
struct ArenaHandle: ~Copyable {
    private static let blockSize = 16_384
    private var blocks: [UnsafeMutableRawBufferPointer] = unsafe []
    private var used = 0

    deinit {
        // Every block was allocated here, and what points into it was for calls that have returned.
        unsafe blocks.forEach { unsafe $0.deallocate() }
    }

    /// Gives all memory back but one block.
    mutating func reset() {
        while unsafe blocks.count > 1 { unsafe blocks.removeLast().deallocate() }
        used = 0
    }

    mutating func bytes(_ text: String) -> amqp_bytes_t {
        var text = text
        return text.withUTF8 { unsafe copy(UnsafeRawBufferPointer($0)) }
    }

    mutating func bytes(_ bytes: [UInt8]) -> amqp_bytes_t {
        unsafe bytes.withUnsafeBytes { unsafe copy($0) }
    }

    mutating func table(_ fields: [String: FieldValue]) -> amqp_table_t {
        guard !fields.isEmpty else { return unsafe amqp_table_t(num_entries: 0, entries: nil) }
        let entries = unsafe allocate(fields.count, of: amqp_table_entry_t.self)
        for (index, (name, value)) in fields.enumerated() {
            unsafe (entries + index).initialize(to: amqp_table_entry_t(key: bytes(name), value: field(value)))
        }
        return unsafe amqp_table_t(num_entries: Int32(fields.count), entries: entries)
    }

    private mutating func field(_ value: FieldValue) -> amqp_field_value_t {
        var field = unsafe amqp_field_value_t()
        switch value {
        case .bool(let bool):
            unsafe field.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
            unsafe field.value.boolean = bool ? 1 : 0
        case .int(let int):
            unsafe field.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
            unsafe field.value.i64 = int
        case .double(let double):
            unsafe field.kind = UInt8(AMQP_FIELD_KIND_F64.rawValue)
            unsafe field.value.f64 = double
        case .string(let text):
            unsafe field.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
            unsafe field.value.bytes = bytes(text)
        case .bytes(let bytes):
            unsafe field.kind = UInt8(AMQP_FIELD_KIND_BYTES.rawValue)
            unsafe field.value.bytes = self.bytes(bytes)
        case .timestamp(let time):
            unsafe field.kind = UInt8(AMQP_FIELD_KIND_TIMESTAMP.rawValue)
            unsafe field.value.u64 = UInt64(clamping: time.seconds)
        case .array(let values):
            unsafe field.kind = UInt8(AMQP_FIELD_KIND_ARRAY.rawValue)
            let entries = unsafe allocate(max(1, values.count), of: amqp_field_value_t.self)
            for (index, value) in values.enumerated() { unsafe (entries + index).initialize(to: self.field(value)) }
            unsafe field.value.array = amqp_array_t(num_entries: Int32(values.count), entries: entries)
        case .table(let fields):
            unsafe field.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
            unsafe field.value.table = table(fields)
        case .null:
            unsafe field.kind = UInt8(AMQP_FIELD_KIND_VOID.rawValue)
        }
        return unsafe field
    }

    private mutating func copy(_ source: UnsafeRawBufferPointer) -> amqp_bytes_t {
        let target = unsafe allocate(source.count, alignment: 1)
        unsafe target.copyMemory(from: source)
        return unsafe amqp_bytes_t(len: source.count, bytes: target.baseAddress)
    }

    private mutating func allocate<Value>(_ count: Int, of: Value.Type) -> UnsafeMutablePointer<Value> {
        // `allocate` returns exactly this many bytes at this alignment, never an empty buffer without an address.
        unsafe allocate(count * MemoryLayout<Value>.stride, alignment: MemoryLayout<Value>.alignment)
            .bindMemory(to: Value.self).baseAddress.unsafelyUnwrapped
    }

    private mutating func allocate(_ count: Int, alignment: Int) -> UnsafeMutableRawBufferPointer {
        let start = (used + alignment - 1) & ~(alignment - 1)
        if let block = unsafe blocks.last, start + count <= block.count {
            used = start + count
            return unsafe UnsafeMutableRawBufferPointer(rebasing: block[start..<start + count])
        }
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, Self.blockSize), alignment: 16)
        unsafe blocks.append(block)
        used = count
        return unsafe UnsafeMutableRawBufferPointer(rebasing: block[0..<count])
    }
}
