extension Zone {
    /// Reads a zone's compiled file (TZif, RFC 9636, version 2 and up).
    ///
    /// - Throws: `ZoneError.unreadable` for anything else, and for clocks that count leap seconds.
    public init(name: String, file: [UInt8]) throws(ZoneError) {
        guard let zone = Zone.read(name, file) else { throw .unreadable }
        self = zone
    }

    private static func read(_ name: String, _ file: [UInt8]) -> Zone? {
        var reader = ZoneFileReader(file)
        // First comes a block for readers that know 32 bits only.
        guard let old = ZoneFileHeader(&reader), old.version >= UInt8(ascii: "2"), reader.skip(old.size(ofTime: 4)),
            let header = ZoneFileHeader(&reader), header.leaps == 0, header.types > 0,
            reader.remaining >= header.size(ofTime: 8)
        else { return nil }
        let instants = (0..<header.times).compactMap { _ in reader.signed(8) }
        let kinds = (0..<header.times).compactMap { _ in reader.unsigned(1) }
        var offsets: [Int64] = []
        for _ in 0..<header.types {
            guard let offset = reader.signed(4), (-26 * 3600...26 * 3600).contains(offset), reader.skip(2) else {
                return nil
            }
            offsets.append(offset)
        }
        var shifts: [Shift] = []
        for (instant, kind) in zip(instants, kinds) {
            guard kind < offsets.count, instant > shifts.last?.instant ?? .min, instant.magnitude < 1 << 60 else {
                return nil
            }
            shifts.append(Shift(instant: instant, offset: offsets[kind]))
        }
        guard reader.skip(header.characters + header.standards + header.universals), let rule = reader.line() else {
            return nil
        }
        if rule.isEmpty { return Zone(name: name, initialOffset: offsets[0], shifts: shifts, rule: nil) }
        guard let parsed = ZoneRuleParser.parse(rule) else { return nil }
        return Zone(name: name, initialOffset: offsets[0], shifts: shifts, rule: parsed)
    }
}

/// The counts that begin each of a file's two blocks.
private struct ZoneFileHeader {
    let version: UInt8
    let universals: Int
    let standards: Int
    let leaps: Int
    let times: Int
    let types: Int
    let characters: Int

    init?(_ reader: inout ZoneFileReader) {
        guard reader.bytes(4) == Array("TZif".utf8), let version = reader.bytes(1)?.first, reader.skip(15) else {
            return nil
        }
        self.version = version
        let counts = (0..<6).compactMap { _ in reader.unsigned(4) }
        guard counts.count == 6 else { return nil }
        (universals, standards, leaps) = (counts[0], counts[1], counts[2])
        (times, types, characters) = (counts[3], counts[4], counts[5])
    }

    /// The bytes of the block that follows.
    func size(ofTime width: Int) -> Int {
        times * (width + 1) + types * 6 + characters + leaps * (width + 4) + standards + universals
    }
}

/// Reads numbers with the highest byte first.
private struct ZoneFileReader {
    private let file: [UInt8]
    private var place = 0

    init(_ file: [UInt8]) { self.file = file }

    var remaining: Int { file.count - place }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count <= remaining else { return nil }
        defer { place += count }
        return Array(file[place..<(place + count)])
    }

    mutating func skip(_ count: Int) -> Bool {
        guard count <= remaining else { return false }
        place += count
        return true
    }

    mutating func unsigned(_ width: Int) -> Int? {
        bytes(width)?.reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func signed(_ width: Int) -> Int64? {
        guard let bytes = bytes(width) else { return nil }
        let first: Int64 = (bytes.first ?? 0) >= 0x80 ? -1 : 0
        return bytes.reduce(first) { $0 << 8 | Int64($1) }
    }

    /// The rest: one line between two line ends.
    mutating func line() -> [UInt8]? {
        guard let rest = bytes(remaining), rest.count >= 2, rest.first == 10, rest.last == 10 else { return nil }
        return rest.dropFirst().dropLast()
    }
}
