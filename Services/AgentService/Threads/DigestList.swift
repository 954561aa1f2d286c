import Crypto
import Kernel

/// The digests of the values that a row has, each once. Places of values name them by their number.
struct DigestList: Sendable {
    private(set) var all: [UUID]
    private var numbers: [UUID: Int] = [:]

    init(_ all: [UUID] = []) {
        self.all = all
        for (number, digest) in all.enumerated() { numbers[digest] = number }
    }

    mutating func number(of digest: UUID) -> Int {
        if let number = numbers[digest] { return number }
        numbers[digest] = all.count
        all.append(digest)
        return all.count - 1
    }

    /// As Postgres reads an array.
    var literal: String { "{\(all.map(\.description).joined(separator: ","))}" }
}

extension UUID {
    /// The first half of the SHA-256 of some bytes.
    init(digestOf bytes: [UInt8]) {
        let hash = SHA256.hash(bytes)
        func half(_ range: Range<Int>) -> UInt64 { hash[range].reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(high: half(0..<8), low: half(8..<16))
    }
}
