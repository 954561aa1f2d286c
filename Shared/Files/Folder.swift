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

    static func rename(_ from: String, to: String) throws(FileError) {
        // Both paths' bytes are lent for the call.
        guard unsafe Glibc.rename(from, to) == 0 else { throw .last("rename") }
    }

    static func sync(_ path: String) throws(FileError) {
        try DescriptorHandle.open(path, O_RDONLY | O_DIRECTORY).sync()
    }
}
