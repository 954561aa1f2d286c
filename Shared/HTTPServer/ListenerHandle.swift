internal import CBeast

/// A listening socket that no loop has taken over yet.
struct ListenerHandle: ~Copyable {
    let file: Int32
    let port: UInt16

    private init(file: Int32, port: UInt16) {
        self.file = file
        self.port = port
    }

    deinit { cb_close_file(file) }

    static func open(_ host: String, _ port: UInt16, reusePort: Bool) throws(ServerError) -> ListenerHandle {
        var file: Int32 = -1
        var bound: UInt16 = 0
        // The name is read and the results are stored during the call.
        let error = unsafe host.withCString { unsafe cb_listen($0, port, reusePort, 1024, &file, &bound) }
        guard error == 0 else { throw ServerError.binding(host, port, error) }
        return ListenerHandle(file: file, port: bound)
    }

    /// Another descriptor of the same socket.
    borrowing func duplicate() throws(ServerError) -> ListenerHandle {
        var copy: Int32 = -1
        // The result is stored during the call.
        let error = unsafe cb_duplicate(file, &copy)
        guard error == 0 else { throw .system("dup", error) }
        return ListenerHandle(file: copy, port: port)
    }

    /// Gives the descriptor to a loop.
    consuming func give(to loop: EventLoop) throws(ServerError) {
        let file = file
        // From here the loop closes it, also when it refuses it.
        discard self
        try loop.takeListener(file)
    }
}
