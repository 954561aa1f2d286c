import CCurl
import Concurrency
import Glibc

/// One transfer while it runs, on the client's thread. libcurl's callbacks end here.
final class Transfer {
    let plan: TransferPlan
    private let settings: ClientSettings

    private var status = 0
    private var headers = ResponseHeaders()
    private var headerBytes = 0
    private var head: ResponseHead?
    private var body: [UInt8] = []
    private var sent: Int64 = 0
    /// What we know better than libcurl's error code, because we stopped the transfer for it.
    private var verdict: ClientError?
    private(set) var lastByteAt = ContinuousClock.now
    private(set) var isPaused = false

    init(_ plan: TransferPlan, _ settings: ClientSettings) {
        self.plan = plan
        self.settings = settings
    }

    // MARK: - Callbacks

    /// Takes a part of the body; anything but its length stops or pauses the transfer.
    func receive(_ chunk: [UInt8]) -> Int {
        lastByteAt = .now
        switch plan.reply {
        case .whole(_, let limit):
            guard body.count + chunk.count <= limit else {
                verdict = .responseTooLarge(limit: limit)
                return 0
            }
            body += chunk
        case .stream(let channel):
            guard channel.offer(chunk) else {
                // libcurl keeps the chunk and brings it again.
                isPaused = true
                return Int(CURL_WRITEFUNC_PAUSE)
            }
        }
        return chunk.count
    }

    /// Takes a line of the head. A head begins anew after an interim answer or a redirect.
    func receive(headerLine bytes: UnsafeRawBufferPointer) -> Bool {
        lastByteAt = .now
        if head != nil { return true }  // a trailer
        headerBytes += bytes.count
        guard headerBytes <= settings.maximumHeaderBytes else {
            verdict = .headersTooLarge(limit: settings.maximumHeaderBytes)
            return false
        }
        var line = unsafe bytes[...]
        while let last = unsafe line.last, last == 0x0A || last == 0x0D { unsafe line = unsafe line.dropLast() }
        if unsafe line.isEmpty {
            let isInterim = status < 200
            let isFollowed = settings.maximumRedirects > 0 && (300...399).contains(status) && headers["location"] != nil
            if isInterim || isFollowed { return true }
            let complete = ResponseHead(status: status, headers: headers)
            head = complete
            if case .stream(let channel) = plan.reply { channel.head.succeed(complete) }
            return true
        }
        let text = unsafe String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            headers = ResponseHeaders()
        } else if let colon = text.firstIndex(of: ":") {
            let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            let end = value.lastIndex { $0 != " " && $0 != "\t" }
            headers.append(String(text[..<colon]), end.map { String(value[...$0]) } ?? "")
        }
        return true
    }

    /// Gives the next part of the request's body; 0 at its end.
    func supply(into room: UnsafeMutableRawBufferPointer) -> Int {
        lastByteAt = .now
        switch plan.request.body {
        case .none: return 0
        case .bytes(let bytes):
            let part = bytes[Int(sent)...].prefix(room.count)
            unsafe room.copyBytes(from: part)
            sent += Int64(part.count)
            return part.count
        case .file(let descriptor, let offset, let count):
            let wanted = min(Int64(room.count), count - sent)
            if wanted == 0 { return 0 }
            let read = unsafe pread(descriptor, room.baseAddress, Int(wanted), Int(offset + sent))
            guard read > 0 else {
                verdict = .file(errno: read < 0 ? errno : 0)
                return Int(CURL_READFUNC_ABORT)
            }
            sent += Int64(read)
            return read
        }
    }

    /// libcurl wants to send the body again over another connection: only what may be done twice is.
    func rewind(to offset: Int64) -> Bool {
        guard sent == 0 || plan.request.isIdempotent else { return false }
        sent = offset
        return true
    }

    func permits(_ address: [UInt8]) -> Bool {
        if settings.addressGuard.allows(address) { return true }
        verdict = .addressRefused(host: plan.request.host)
        return false
    }

    // MARK: - Life

    func resumed() {
        isPaused = false
        lastByteAt = .now
    }

    /// When this transfer has been silent for too long; `nil` while it may be silent.
    var idleDeadline: ContinuousClock.Instant? {
        isPaused ? nil : plan.request.timeouts.idle.map { lastByteAt + $0 }
    }

    /// Tells the caller how it ended. `code` is libcurl's, `error` ours.
    func finish(code: CURLcode, error: ClientError?, easy: borrowing EasyHandle) {
        let failure = error ?? (code == CURLE_OK ? nil : verdict ?? describe(code, easy))
        switch plan.reply {
        case .whole(let promise, _):
            if let failure {
                promise.fail(TransferFailure(error: failure, mayHaveBeenSeen: easy.hasSent))
            } else {
                promise.succeed(ClientResponse(head: finalHead, body: body))
            }
        case .stream(let channel):
            if let failure {
                channel.head.fail(TransferFailure(error: failure, mayHaveBeenSeen: easy.hasSent))
                channel.finish(.failure(failure))
            } else {
                channel.head.succeed(finalHead)
                channel.finish(.success(()))
            }
        }
    }

    /// A redirect that was not followed after all, or a head without an end.
    private var finalHead: ResponseHead { head ?? ResponseHead(status: status, headers: headers) }

    private func describe(_ code: CURLcode, _ easy: borrowing EasyHandle) -> ClientError {
        let host = plan.request.host
        switch code {
        // An answer that does not begin like HTTP counts as another protocol too.
        case CURLE_UNSUPPORTED_PROTOCOL where easy.wasConnected: return .protocolError(Self.text(code))
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: return .invalidURL
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: return .couldNotResolve(host: host)
        case CURLE_COULDNT_CONNECT: return .couldNotConnect(host: host)
        case CURLE_OPERATION_TIMEDOUT:
            return .timedOut(!easy.wasConnected ? .connect : head == nil ? .response : .body)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
            return .tls(Self.text(code))
        case CURLE_FILESIZE_EXCEEDED:
            if case .whole(_, let limit) = plan.reply { return .responseTooLarge(limit: limit) }
            return .protocolError(Self.text(code))
        case CURLE_TOO_MANY_REDIRECTS: return .tooManyRedirects
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_SEND_FAIL_REWIND:
            return .connectionLost
        default: return .protocolError(Self.text(code))
        }
    }

    private static func text(_ code: CURLcode) -> String {
        // A string constant of the library.
        unsafe String(cString: curl_easy_strerror(code))
    }
}
