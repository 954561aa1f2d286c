import Concurrency
import Glibc
import TestSupport

/// A TCP client that sends exactly the bytes it is given. It blocks on a thread of its own, at most `patience`.
actor RawClient {
    typealias Failure = TestConnection.Failure

    /// A response as it came.
    struct Answer: Sendable {
        var status = 0
        var fields: [(name: String, value: String)] = []
        var body: [UInt8] = []

        var text: String { String(decoding: body, as: UTF8.self) }
        subscript(_ name: String) -> String? { fields.first { $0.name.lowercased() == name.lowercased() }?.value }
    }

    private let executor = ThreadExecutor(name: "raw client")
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The actor holds the executor.
        unsafe executor.asUnownedSerialExecutor()
    }
    private let connection: TestConnection

    private init(_ connection: sending TestConnection) { self.connection = connection }

    /// Connects. A small `receiveBuffer` makes a reader that is soon full.
    static func connect(_ port: UInt16, receiveBuffer: Int32? = nil, patience: Int = 20) throws -> RawClient {
        RawClient(try TestConnection(port, receiveBuffer: receiveBuffer, patience: patience))
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws { try connection.send(bytes) }

    /// Sends until the kernel has taken nothing for a tenth of a second; returns how many bytes it took.
    func sendWhatFits(_ bytes: [UInt8]) throws -> Int {
        var sent = 0
        while sent < bytes.count {
            var file = pollfd(fd: connection.file, events: Int16(POLLOUT), revents: 0)
            // The structure is read and written during the call.
            if unsafe poll(&file, 1, 100) == 0 { break }
            sent += try connection.send(bytes[sent...], flags: Int32(MSG_DONTWAIT))
        }
        return sent
    }

    /// Says that nothing more will be sent.
    func endSending() { shutdown(connection.file, Int32(SHUT_WR)) }

    func close() { connection.close() }

    /// Closes with a reset, as a crashed peer's system does.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        // The structure is read during the call.
        unsafe _ = setsockopt(
            connection.file,
            SOL_SOCKET,
            SO_LINGER,
            &linger,
            socklen_t(MemoryLayout<Glibc.linger>.size)
        )
        close()
    }

    /// Exactly so many bytes.
    func read(_ count: Int) throws -> [UInt8] { try connection.read(count) }

    /// Everything until the server closes.
    func readToEnd() throws -> [UInt8] { try connection.readToEnd() }

    /// Whether the server has closed and nothing is left.
    func isAtEnd() throws -> Bool { try connection.held.isEmpty && !connection.fill() }

    func readLine() throws -> String { try connection.readLine() }

    /// The head of a response.
    func readHead() throws -> Answer {
        var answer = Answer()
        let line = try readLine().split(separator: " ")
        guard line.count >= 2, line[0] == "HTTP/1.1", let status = Int(line[1]) else {
            throw Failure("no status line: \(line)")
        }
        answer.status = status
        while case let field = try readLine(), !field.isEmpty {
            let parts = field.split(separator: ":", maxSplits: 1)
            answer.fields.append((String(parts[0]), parts.count > 1 ? String(parts[1].dropFirst()) : ""))
        }
        return answer
    }

    /// A chunk of a chunked body; empty for the last.
    func readChunk() throws -> [UInt8] {
        guard let count = Int(try readLine(), radix: 16) else { throw Failure("no chunk size") }
        let bytes = try read(count)
        guard try readLine().isEmpty else { throw Failure("no end of a chunk") }
        return bytes
    }

    /// A whole response.
    func readAnswer(to method: String = "GET") throws -> Answer {
        var answer = try readHead()
        if method == "HEAD" || answer.status == 204 || answer.status == 304 || answer.status < 200 { return answer }
        if answer["Transfer-Encoding"] == "chunked" {
            while case let chunk = try readChunk(), !chunk.isEmpty { answer.body += chunk }
        } else if let count = answer["Content-Length"].flatMap({ Int($0) }) {
            answer.body = try read(count)
        } else {
            answer.body = try readToEnd()
        }
        return answer
    }

    /// Sends and reads one response.
    func ask(_ text: String) throws -> Answer {
        try send(text)
        return try readAnswer(to: String(text.prefix { $0 != " " }))
    }
}
