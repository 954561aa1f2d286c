/// Which part of a file a request wants (RFC 9110 §14).
public enum ByteRange: Sendable, Hashable {
    /// All of it: no `Range`, or one that is not understood, which is to be ignored.
    case whole
    /// These bytes.
    case part(Range<Int>)
    /// None of the file.
    case unsatisfiable

    /// Reads a `Range` header for a file of `size` bytes. Several ranges at once are answered with the whole file.
    public init(_ header: String?, size: Int) {
        guard let header, header.hasPrefix("bytes="), !header.contains(",") else {
            self = .whole
            return
        }
        let bounds = header.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard bounds.count == 2, bounds.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else {
            self = .whole
            return
        }
        switch (Int(bounds[0]), Int(bounds[1])) {
        case (nil, let suffix?) where bounds[0].isEmpty:
            self = suffix == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - suffix)..<size)
        case (let first?, nil) where bounds[1].isEmpty:
            self = first < size ? .part(first..<size) : .unsatisfiable
        case (let first?, let last?) where first <= last:
            self = first < size ? .part(first..<min(last, size - 1) + 1) : .unsatisfiable
        default: self = .whole
        }
    }
}
