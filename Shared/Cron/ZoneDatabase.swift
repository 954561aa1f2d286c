import Concurrency
import FoundationEssentials

/// The system's time zones, each read once. What the system learns later is known after a restart.
public final class ZoneDatabase: Sendable {
    private let folder: String
    private let known = Lock<[String: Zone]>(["UTC": .utc])

    /// A database in a folder of compiled zones.
    public init(folder: String = "/usr/share/zoneinfo") { self.folder = folder }

    /// The zone with an IANA name, such as `Europe/Berlin`.
    ///
    /// - Throws: `ZoneError`.
    public func zone(_ name: String) throws(ZoneError) -> Zone {
        if let zone = known.withLock({ $0[name] }) { return zone }
        guard ZoneDatabase.isName(name) else { throw .unknown }
        guard let file = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
            throw FileManager.default.fileExists(atPath: "\(folder)/Etc/UTC") ? .unknown : .noDatabase
        }
        let zone = try Zone(name: name, file: Array(file))
        known.withLock { $0[name] = zone }
        return zone
    }

    /// Whether a text can be the name of a zone: words of letters, digits, `_`, `+` and `-`, with `/` between them. So
    /// it cannot lead out of the folder. `posix` and `right` are not zones but other editions of all of them; `localtime` is another one on each machine.
    private static func isName(_ name: String) -> Bool {
        let words = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard name.utf8.count <= 64, (1...3).contains(words.count),
            !["posix", "right", "posixrules", "localtime"].contains(String(words[0]))
        else {
            return false
        }
        return words.allSatisfy { word in
            !word.isEmpty
                && word.allSatisfy { byte in
                    switch byte {
                    case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"): true
                    default: false
                    }
                }
        }
    }
}

/// Why there is no such zone.
public enum ZoneError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is none with that name.
    case unknown
    /// This system has no zones at all.
    case noDatabase
    /// Its file is not what it should be.
    case unreadable

    /// What to do about it.
    public var description: String {
        switch self {
        case .unknown: "is not the name of a time zone; names are those of the IANA database, such as Europe/Berlin"
        case .noDatabase: "cannot be looked up: this system has no time zones but UTC; install its package tzdata"
        case .unreadable: "cannot be used: the system's file of this time zone is not readable"
        }
    }
}
