import Glibc

extension FileError {
    static let notFound = ENOENT
    static let noSpace = ENOSPC

    static func last(_ operation: String) -> FileError { FileError(operation: operation, number: errno) }
}

/// One open file descriptor, closed at the end of its life.
struct DescriptorHandle: ~Copyable {
    private let number: Int32

    private init(adopting number: Int32) { self.number = number }
    deinit { close(number) }

    static func open(_ path: String, _ flags: Int32) throws(FileError) -> DescriptorHandle {
        // The path's bytes are lent for the call.
        let number = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o640)
        guard number >= 0 else { throw .last("open") }
        return DescriptorHandle(adopting: number)
    }

    borrowing func write(_ bytes: [UInt8]) throws(FileError) {
        var written = 0
        while written < bytes.count {
            // The pointer stays within the array: `written` is below its count, so there is a base address.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(number, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            if count < 0 {
                guard errno == EINTR else { throw .last("write") }
                continue
            }
            written += count
        }
    }

    /// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
    borrowing func read(at offset: Int, atMost count: Int) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            // The pointer stays within the array: `got` is below its count.
            let step = unsafe bytes.withUnsafeMutableBytes {
                unsafe pread(number, $0.baseAddress?.advanced(by: got), $0.count - got, offset + got)
            }
            if step < 0 {
                guard errno == EINTR else { throw .last("read") }
                continue
            }
            if step == 0 { break }
            got += step
        }
        bytes.removeLast(count - got)
        return bytes
    }

    borrowing func size() throws(FileError) -> Int {
        var status = stat()
        // The pointer is to a local, used during the call only.
        guard unsafe fstat(number, &status) == 0 else { throw .last("stat") }
        return Int(status.st_size)
    }

    /// When the file was written last.
    borrowing func modified() throws(FileError) -> timespec {
        var status = stat()
        // The pointer is to a local, used during the call only.
        guard unsafe fstat(number, &status) == 0 else { throw .last("stat") }
        return status.st_mtim
    }

    borrowing func sync() throws(FileError) {
        guard fsync(number) == 0 else { throw .last("sync") }
    }
}
