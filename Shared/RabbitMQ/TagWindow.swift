/// What is known of a run of consecutive delivery tags, of which one, or all up to one, are settled at a time.
///
/// Tags begin at 1 on every channel and grow by one: the broker's for deliveries, ours for published messages.
struct TagWindow<Value> {
    private var entries: [Value?] = []
    /// Settled entries at the front of `entries`, removed from time to time.
    private var head = 0
    /// The tag of `entries[head]`.
    private(set) var first: UInt64 = 1
    /// How many tags are not settled.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    /// The tag that the next `append` gets.
    var next: UInt64 { first + UInt64(entries.count - head) }
    /// The value of the lowest unsettled tag.
    var oldest: Value? { head < entries.count ? entries[head] : nil }

    /// Adds a value under the next tag and returns the tag.
    @discardableResult
    mutating func append(_ value: Value) -> UInt64 {
        entries.append(value)
        count += 1
        return next - 1
    }

    func contains(_ tag: UInt64) -> Bool {
        guard tag >= first, tag < next else { return false }
        return entries[head + Int(tag - first)] != nil
    }

    /// Settles `tag`, or all unsettled tags up to it, and returns their values in order.
    /// Empty when there is nothing to settle: the tag is unknown, or was settled before.
    mutating func settle(_ tag: UInt64, multiple: Bool) -> [Value] {
        guard tag >= first, tag < next else { return [] }
        let last = head + Int(tag - first)
        var settled: [Value] = []
        for index in multiple ? head...last : last...last {
            guard let value = entries[index] else { continue }
            settled.append(value)
            entries[index] = nil
        }
        count -= settled.count
        advance()
        return settled
    }

    /// Changes the lowest unsettled value that matches; returns whether there was one.
    mutating func updateFirst(where matches: (Value) -> Bool, _ change: (inout Value) -> Void) -> Bool {
        for index in head..<entries.count {
            guard var value = entries[index], matches(value) else { continue }
            change(&value)
            entries[index] = value
            return true
        }
        return false
    }

    private mutating func advance() {
        while head < entries.count, entries[head] == nil {
            head += 1
            first += 1
        }
        // Amortised: at most one move of an entry for each entry that was settled.
        if head >= 64, head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }
}
