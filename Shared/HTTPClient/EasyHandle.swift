import CCurl
import Glibc
import Kernel
import Telemetry

/// One `curl_easy`: made here, freed here, used by the client's thread.
@safe
struct EasyHandle: ~Copyable {
    let raw: UnsafeMutableRawPointer
    /// Header lines, which libcurl does not copy.
    private var headers: UnsafeMutablePointer<curl_slist>?

    init() {
        // Fails only for lack of memory.
        guard let raw = unsafe curl_easy_init() else { preconditionFailure("curl_easy_init failed") }
        unsafe self.raw = unsafe raw
        unsafe headers = nil
    }

    deinit {
        unsafe curl_easy_cleanup(raw)
        unsafe curl_slist_free_all(headers)
    }

    static func id(of easy: UnsafeMutableRawPointer) -> UInt64 {
        unsafe UInt64(martlet_curl_get_id(easy))
    }

    /// Prepares the transfer. `transfer` is lent to libcurl: it must outlive this handle's time in the multi handle.
    mutating func prepare(_ transfer: Transfer, _ settings: ClientSettings) throws(ClientError) {
        let request = transfer.plan.request
        let context = unsafe Unmanaged.passUnretained(transfer).toOpaque()
        unsafe set(CURLOPT_PRIVATE, UnsafeMutableRawPointer(bitPattern: UInt(transfer.plan.id)))
        guard unsafe martlet_curl_set_string(raw, CURLOPT_URL, request.url) == CURLE_OK else { throw .invalidURL }
        // No signals: they would interrupt other threads.
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        unsafe martlet_curl_set_string(raw, CURLOPT_PROTOCOLS_STR, "http,https")
        unsafe martlet_curl_set_string(raw, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        // An empty name also overrides http_proxy and its like in the environment.
        unsafe martlet_curl_set_string(raw, CURLOPT_PROXY, settings.proxy ?? "")
        set(CURLOPT_FOLLOWLOCATION, settings.maximumRedirects > 0 ? 1 : 0)
        set(CURLOPT_MAXREDIRS, settings.maximumRedirects)
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        if let file = settings.certificateAuthorities { unsafe martlet_curl_set_string(raw, CURLOPT_CAINFO, file) }
        set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(request.timeouts.connect))
        if let total = request.timeouts.total { set(CURLOPT_TIMEOUT_MS, Self.milliseconds(total)) }
        if case .whole(_, let limit) = transfer.plan.reply {
            unsafe martlet_curl_set_offset(raw, CURLOPT_MAXFILESIZE_LARGE, Int(limit))
        }
        try setBody(request)
        try setHeaders(request, settings)
        unsafe set(CURLOPT_WRITEDATA, context)
        unsafe set(CURLOPT_HEADERDATA, context)
        unsafe set(CURLOPT_READDATA, context)
        unsafe set(CURLOPT_SEEKDATA, context)
        unsafe set(CURLOPT_OPENSOCKETDATA, context)
        // Each callback gets back the context set above, on the client's thread, while the transfer is alive.
        unsafe martlet_curl_set_bytes_callback(raw, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
            let chunk = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
            return unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().receive([UInt8](chunk))
        }
        unsafe martlet_curl_set_bytes_callback(raw, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
            let line = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
            let accepted = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
                .receive(headerLine: line)
            return accepted ? size * count : 0
        }
        unsafe martlet_curl_set_bytes_callback(raw, CURLOPT_READFUNCTION) { bytes, size, count, context in
            guard let bytes = unsafe bytes, let context = unsafe context else { return Int(CURL_READFUNC_ABORT) }
            let room = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
            return unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().supply(into: room)
        }
        unsafe martlet_curl_set_seek_callback(raw) { context, offset, origin in
            guard let context = unsafe context, origin == SEEK_SET else { return CURL_SEEKFUNC_FAIL }
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            return transfer.rewind(to: Int64(offset)) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
        }
        unsafe martlet_curl_set_socket_callback(raw) { context, _, address in
            guard let context = unsafe context, let address = unsafe address else { return CURL_SOCKET_BAD }
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            guard transfer.permits(unsafe EasyHandle.bytes(of: address)) else { return CURL_SOCKET_BAD }
            return unsafe socket(
                address.pointee.family,
                address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue),
                address.pointee.protocol
            )
        }
    }

    private func setBody(_ request: ClientRequest) throws(ClientError) {
        let size: Int64
        switch request.body {
        case .none: size = -1
        case .bytes(let bytes): size = Int64(bytes.count)
        case .file(_, _, let count): size = count
        }
        switch (request.method, size) {
        case ("GET", -1): set(CURLOPT_HTTPGET, 1)
        case ("HEAD", -1): set(CURLOPT_NOBODY, 1)
        case (_, -1) where request.method != "POST" && request.method != "PUT" && request.method != "PATCH":
            unsafe martlet_curl_set_string(raw, CURLOPT_CUSTOMREQUEST, request.method)
        default:
            // Read through a callback, which decides whether it may be sent again: libcurl by itself sends any
            // request again when a kept connection turns out to be closed.
            set(CURLOPT_POST, 1)
            unsafe martlet_curl_set_offset(raw, CURLOPT_POSTFIELDSIZE_LARGE, Int(max(0, size)))
            unsafe martlet_curl_set_string(raw, CURLOPT_CUSTOMREQUEST, request.method)
        }
        // Without a body there is nothing to rewind, so nothing would stop it.
        if size <= 0 && !request.isIdempotent { set(CURLOPT_FRESH_CONNECT, 1) }
    }

    private mutating func setHeaders(_ request: ClientRequest, _ settings: ClientSettings) throws(ClientError) {
        var lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        let names = Set(request.headers.map { $0.name.lowercased() })
        if !names.contains("user-agent") { lines.append("User-Agent: \(settings.userAgent)") }
        if let trace = request.trace, !names.contains("traceparent") {
            lines.append("traceparent: \(trace.traceparent)")
            if let state = trace.state { lines.append("tracestate: \(state)") }
        }
        // A name without a value takes away what libcurl would add: the wait for "100 Continue", and a form's type.
        if !names.contains("expect") { lines.append("Expect:") }
        if !names.contains("content-type") { lines.append("Content-Type:") }
        for line in lines {
            guard let longer = unsafe curl_slist_append(headers, line) else { throw .invalidRequest("headers") }
            unsafe headers = unsafe longer
        }
        unsafe martlet_curl_set_list(raw, CURLOPT_HTTPHEADER, headers)
    }

    /// Lets a paused transfer go on; its write callback may be called inside.
    func resume() { unsafe curl_easy_pause(raw, CURLPAUSE_CONT) }

    /// Whether some part of the request went out over a connection.
    var hasSent: Bool {
        unsafe martlet_curl_get_long(raw, CURLINFO_REQUEST_SIZE) > 0
            || martlet_curl_get_offset(raw, CURLINFO_SIZE_UPLOAD_T) > 0
    }

    /// Whether the connection stood, TLS included.
    var wasConnected: Bool { unsafe martlet_curl_get_offset(raw, CURLINFO_PRETRANSFER_TIME_T) > 0 }

    private func set(_ option: CURLoption, _ value: Int) { unsafe martlet_curl_set_long(raw, option, value) }

    private func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
        unsafe martlet_curl_set_pointer(raw, option, value)
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        // 0 would mean libcurl's own default.
        max(1, Int(clamping: duration.milliseconds))
    }

    /// The address about to be connected to; empty for a family that is neither.
    private static func bytes(of address: UnsafeMutablePointer<curl_sockaddr>) -> [UInt8] {
        // libcurl fills `addr` with the structure of its family, at most `addrlen` bytes.
        unsafe withUnsafeBytes(of: &address.pointee.addr) { bytes in
            switch unsafe address.pointee.family {
            case AF_INET: unsafe [UInt8](bytes[4..<8])
            // Behind what `addr` itself can hold; the structure libcurl passes is larger.
            case AF_INET6: unsafe [UInt8](UnsafeRawBufferPointer(start: bytes.baseAddress, count: 24)[8..<24])
            default: []
            }
        }
    }
}
