/// Cuts a stream of bytes into lines at line feeds and carriage returns, which programs use to rewrite a line of
/// progress. Empty lines are left out; of one that is too long, the beginning is kept, and given out at once: it may have no
/// end at all.
struct LineSplitter {
    private let maximumBytes: Int
    private var pending: [UInt8] = []
    /// Whether the beginning of this line has been given out already.
    private var isCut = false

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Takes in bytes; returns the lines that are complete now.
    mutating func split(_ bytes: ArraySlice<UInt8>) -> [String] {
        var lines: [String] = []
        var rest = bytes
        while let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            keep(rest[..<end], &lines)
            if let line = finish() { lines.append(line) }
            rest = rest[(end + 1)...]
        }
        keep(rest, &lines)
        return lines
    }

    /// The line that has no end yet, at the end of the stream.
    mutating func finish() -> String? {
        defer {
            pending.removeAll(keepingCapacity: true)
            isCut = false
        }
        return pending.isEmpty ? nil : String(decoding: pending, as: UTF8.self)
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>, _ lines: inout [String]) {
        guard !isCut else { return }
        pending += bytes.prefix(maximumBytes - pending.count)
        guard pending.count == maximumBytes, let line = finish() else { return }
        lines.append(line)
        isCut = true
    }
}
