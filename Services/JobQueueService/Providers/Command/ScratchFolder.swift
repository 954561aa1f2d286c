import Files
import FoundationEssentials
import Kernel

/// A private folder that a program works in, removed with all that is in it.
struct ScratchFolder: Sendable {
    /// Its absolute path.
    let path: String

    /// Makes a folder inside `parent`, runs `body` with it, and removes it, whatever comes.
    static func with<Value>(
        in parent: String,
        id: Kernel.UUID,
        _ body: (ScratchFolder) async throws -> Value
    ) async throws -> Value {
        let absolute = parent.hasPrefix("/") ? parent : FileManager.default.currentDirectoryPath + "/" + parent
        let folder = ScratchFolder(path: "\(absolute)/\(id)")
        try Folder.create(folder.path)
        do {
            let value = try await body(folder)
            try folder.remove()
            return value
        } catch {
            try folder.remove()
            throw error
        }
    }

    /// Removes what a process left that could not clean up after itself: nothing works in a folder for days.
    static func removeStale(in parent: String) throws {
        guard FileManager.default.fileExists(atPath: parent) else { return }
        for name in try FileManager.default.contentsOfDirectory(atPath: parent) where Kernel.UUID(name) != nil {
            let path = "\(parent)/\(name)"
            let changed = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
            guard let changed, changed.timeIntervalSinceNow < -2 * 86_400 else { continue }
            try FileManager.default.removeItem(atPath: path)
        }
    }

    /// Lets `name` in the folder stand for a file elsewhere.
    func link(_ name: String, to target: String) throws {
        let absolute = target.hasPrefix("/") ? target : FileManager.default.currentDirectoryPath + "/" + target
        try FileManager.default.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: absolute)
    }

    /// A file in it as chunks; `nil` when there is none, or it is not a plain file.
    func chunks(of name: String) throws -> FileChunks? {
        let attributes: [FileAttributeKey: Any]
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            return nil
        }
        // A link would hand out whatever the program let it point to.
        guard attributes[.type] as? FileAttributeType == .typeRegular else { return nil }
        return FileChunks(reader: try FileReader("\(path)/\(name)"))
    }

    private func remove() throws { try FileManager.default.removeItem(atPath: path) }
}

/// A file's bytes in order.
struct FileChunks: AsyncSequence, AsyncIteratorProtocol {
    typealias Element = [UInt8]

    let reader: FileReader
    private var position = 0

    init(reader: FileReader) { self.reader = reader }

    mutating func next() async throws -> [UInt8]? {
        let bytes = try await reader.read(at: position, atMost: 65_536)
        position += bytes.count
        return bytes.isEmpty ? nil : bytes
    }

    func makeAsyncIterator() -> FileChunks { self }
}
