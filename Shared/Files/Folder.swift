import Glibc

/// Operations on folders and whole files.
public enum Folder {
    /// Makes a folder and those above it; one that exists is left as it is.
    public static func create(_ path: String) throws(FileError) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            prefix += prefix.isEmpty || prefix == "/" ? String(part) : "/\(part)"
            // The path's bytes are lent for the call.
            guard unsafe mkdir(prefix, 0o750) == 0 || errno == EEXIST else { throw .last("create folder") }
        }
    }

    /// Removes a file; one that is not there is no error.
    public static func removeFile(_ path: String) throws(FileError) {
        // The path's bytes are lent for the call.
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw .last("remove") }
    }

    /// Removes a file that was written `age` ago or longer; returns whether there is none now. `aside` is a free name in
    /// the same file system: a file that takes the old one's place at this very moment is found there, and put back.
    public static func removeFile(_ path: String, writtenBefore age: Duration, aside: String) throws(FileError) -> Bool
    {
        do {
            guard try isOlder(path, than: age) else { return false }
            try rename(path, to: aside)
            guard try isOlder(aside, than: age) else {
                try rename(aside, to: path)
                return false
            }
        } catch {
            guard error.isNotFound else { throw error }
            return true
        }
        try removeFile(aside)
        return true
    }

    private static func isOlder(_ path: String, than age: Duration) throws(FileError) -> Bool {
        let written = try DescriptorHandle.open(path, O_RDONLY).modified()
        var now = timespec()
        // The pointer is to a local, used during the call only.
        guard unsafe clock_gettime(CLOCK_REALTIME, &now) == 0 else { throw .last("clock") }
        let (seconds, nanoseconds) = (now.tv_sec - written.tv_sec, now.tv_nsec - written.tv_nsec)
        return .seconds(seconds) + .nanoseconds(nanoseconds) >= age
    }

    static func rename(_ from: String, to: String) throws(FileError) {
        // Both paths' bytes are lent for the call.
        guard unsafe Glibc.rename(from, to) == 0 else { throw .last("rename") }
    }

    static func sync(_ path: String) throws(FileError) {
        try DescriptorHandle.open(path, O_RDONLY | O_DIRECTORY).sync()
    }
}
