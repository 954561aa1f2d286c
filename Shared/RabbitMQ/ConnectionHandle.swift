import CRabbitMQ
import Glibc
import Kernel

/// One connection with one channel: opened here, freed here, used by one thread, and never seen outside this module.
@safe
struct ConnectionHandle: ~Copyable {
    private static let channel: amqp_channel_t = 1

    private let raw: amqp_connection_state_t
    private let settings: ConnectionSettings
    private let watchdog: CallWatchdog
    private var arena = ArenaHandle()
    private var isClosed = false
    /// The socket, for `poll` only.
    private(set) var socket: Int32 = -1

    private init(adopting raw: amqp_connection_state_t, _ settings: ConnectionSettings, _ watchdog: CallWatchdog) {
        unsafe self.raw = raw
        self.settings = settings
        self.watchdog = watchdog
    }

    deinit {
        // Freeing a TLS connection says goodbye to the peer and waits for its answer without limit; on a socket
        // that is shut down it cannot.
        if !isClosed && socket >= 0 { shutdown(socket, Int32(SHUT_RDWR)) }
        watchdog.release()
        // The pointer was adopted from `amqp_new_connection`, and nothing else frees it.
        unsafe amqp_destroy_connection(raw)
    }

    /// Connects, logs in and opens the channel.
    static func open(
        _ address: BrokerAddress,
        _ settings: ConnectionSettings,
        _ watchdog: CallWatchdog
    ) throws(BrokerError) -> ConnectionHandle {
        guard let raw = unsafe amqp_new_connection() else { throw .lost("out of memory") }
        var connection = unsafe ConnectionHandle(adopting: raw, settings, watchdog)
        try connection.openSocket(address)
        try connection.logIn(address)
        return connection
    }

    private mutating func openSocket(_ address: BrokerAddress) throws(BrokerError) {
        // The connection owns and frees the socket object.
        let candidate = unsafe address.usesTLS ? amqp_ssl_socket_new(raw) : amqp_tcp_socket_new(raw)
        guard let tcp = unsafe candidate else { throw .tls("no TLS context could be made") }
        if address.usesTLS {
            // Checking certificate and name is the default; said again because everything hangs on it.
            unsafe amqp_ssl_socket_set_verify_peer(tcp, 1)
            unsafe amqp_ssl_socket_set_verify_hostname(tcp, 1)
            guard let file = settings.certificateAuthorities ?? Self.systemAuthorities,
                unsafe amqp_ssl_socket_set_cacert(tcp, file) == AMQP_STATUS_OK.rawValue
            else { throw .tls("the certificate authorities cannot be read") }
        }
        var limit = Self.interval(settings.connectTimeout)
        // Host and limit are used during the call only.
        let status = unsafe amqp_socket_open_noblock(tcp, address.host, Int32(address.port), &limit)
        let place = address.host.contains(":") ? "[\(address.host)]:\(address.port)" : "\(address.host):\(address.port)"
        switch status {
        case AMQP_STATUS_OK.rawValue: break
        case AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED.rawValue: throw .unresolved(host: address.host)
        case AMQP_STATUS_TIMEOUT.rawValue: throw .unreachable("\(place) did not accept in time")
        case AMQP_STATUS_SSL_PEER_VERIFY_FAILED.rawValue: throw .tls("the certificate of \(place) is not trusted")
        case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED.rawValue: throw .tls("the certificate is not for \(address.host)")
        case AMQP_STATUS_SSL_ERROR.rawValue, AMQP_STATUS_SSL_CONNECTION_FAILED.rawValue:
            throw .tls("no handshake with \(place)")
        default: throw .unreachable("\(place): \(Self.text(status))")
        }
        socket = unsafe amqp_get_sockfd(raw)
        watchdog.adopt(socket)
    }

    private mutating func logIn(_ address: BrokerAddress) throws(BrokerError) {
        var limit = Self.interval(settings.callTimeout)
        unsafe amqp_set_handshake_timeout(raw, &limit)
        unsafe amqp_set_rpc_timeout(raw, &limit)
        let seconds = Int32(clamping: max(1, settings.heartbeat.microseconds / 1_000_000))
        // Without the first two the broker never tells about a deleted queue or an alarm. The library adds its own.
        var properties = unsafe arena.table([
            "connection_name": .string(settings.name),
            "capabilities": .table([
                "consumer_cancel_notify": true, "connection.blocked": true, "publisher_confirms": true,
                "basic.nack": true,
            ]),
        ])
        let frameMaximum = Int32(clamping: settings.frameMaximum)
        // Two round trips inside, each limited by the handshake timeout; the watchdog limits their sum.
        let reply = unsafe watchdog.guarding(settings.callTimeout * 3) {
            // All strings are used during the call only.
            unsafe martlet_amqp_login_plain(
                raw,
                address.virtualHost,
                frameMaximum,
                seconds,
                &properties,
                address.user,
                address.password.reveal()
            )
        }
        arena.reset()
        do {
            try unsafe check(reply, "logging in")
        } catch .refused(let code, let text) {
            switch code {
            case 403: throw .accessRefused(text)
            case 530: throw .virtualHostRefused(text)
            default: throw .refused(code: code, text)
            }
        }
        // The result points into memory of the connection and says nothing; the reply does.
        try unsafe call("opening a channel") { raw, _ in _ = unsafe amqp_channel_open(raw, Self.channel) }
    }

    /// Declares everything; the queue without a name, if any, gets one from the broker.
    mutating func declare(_ topology: Topology) throws(BrokerError) {
        for exchange in topology.exchanges {
            try unsafe declaring("exchange \(exchange.name)") { raw, arena in
                _ = unsafe amqp_exchange_declare(
                    raw,
                    Self.channel,
                    arena.bytes(exchange.name),
                    arena.bytes(exchange.kind.rawValue),
                    0,
                    exchange.durable ? 1 : 0,
                    exchange.autoDelete ? 1 : 0,
                    0,
                    arena.table(exchange.arguments)
                )
            }
        }
        for queue in topology.queues { _ = try declare(queue) }
        for binding in topology.bindings { try bind(binding) }
    }

    /// Declares a queue and returns its name, which the broker makes when `queue` has none.
    mutating func declare(_ queue: Topology.Queue) throws(BrokerError) -> String {
        var name = queue.name
        try unsafe declaring("queue \(queue.name)") { raw, arena in
            let declared = unsafe amqp_queue_declare(
                raw,
                Self.channel,
                arena.bytes(queue.name),
                0,
                queue.durable ? 1 : 0,
                queue.exclusive ? 1 : 0,
                queue.autoDelete ? 1 : 0,
                arena.table(queue.declaredArguments)
            )
            if let declared = unsafe declared { name = unsafe FrameHandle.text(declared.pointee.queue) }
        }
        return name
    }

    mutating func bind(_ binding: Topology.Binding) throws(BrokerError) {
        try unsafe declaring("binding of \(binding.queue) to \(binding.exchange)") { raw, arena in
            _ = unsafe amqp_queue_bind(
                raw,
                Self.channel,
                arena.bytes(binding.queue),
                arena.bytes(binding.exchange),
                arena.bytes(binding.routingKey),
                arena.table(binding.arguments)
            )
        }
    }

    mutating func enableConfirms() throws(BrokerError) {
        try unsafe call("asking for confirms") { raw, _ in _ = unsafe amqp_confirm_select(raw, Self.channel) }
    }

    mutating func consume(_ queue: String, prefetch: UInt16) throws(BrokerError) {
        try unsafe call("limiting the prefetch") { raw, _ in
            _ = unsafe amqp_basic_qos(raw, Self.channel, 0, prefetch, 0)
        }
        try unsafe call("consuming from \(queue)") { raw, arena in
            let empty = unsafe amqp_bytes_t(len: 0, bytes: nil)
            _ = unsafe amqp_basic_consume(
                raw,
                Self.channel,
                arena.bytes(queue),
                empty,
                0,
                0,
                0,
                amqp_table_t(num_entries: 0, entries: nil)
            )
        }
    }

    /// Whether the kernel would take a small message without waiting.
    func isWritable() -> Bool {
        var watched = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        // The pointer is to a local and used during the call only. An error counts: the write will report it.
        return unsafe poll(&watched, 1, 0) > 0
    }

    /// Writes a message. That it returns says nothing of the broker: only its confirm does.
    mutating func publish(_ message: Message) throws(BrokerError) {
        var properties = unsafe encode(message.properties)
        let exchange = unsafe arena.bytes(message.exchange)
        let routingKey = unsafe arena.bytes(message.routingKey)
        let status = watchdog.guarding(settings.callTimeout) {
            unsafe message.body.withUnsafeBytes { body in
                // The library only reads the body, and only during the call.
                unsafe amqp_basic_publish(
                    raw,
                    Self.channel,
                    exchange,
                    routingKey,
                    message.mandatory ? 1 : 0,
                    0,
                    &properties,
                    amqp_bytes_t(len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress))
                )
            }
        }
        arena.reset()
        try check(status, "publishing")
    }

    mutating func acknowledge(_ tag: UInt64, multiple: Bool) throws(BrokerError) {
        let status = watchdog.guarding(settings.callTimeout) {
            unsafe amqp_basic_ack(raw, Self.channel, tag, multiple ? 1 : 0)
        }
        try check(status, "acknowledging")
    }

    mutating func reject(_ tag: UInt64, multiple: Bool, requeue: Bool) throws(BrokerError) {
        let status = watchdog.guarding(settings.callTimeout) {
            unsafe amqp_basic_nack(raw, Self.channel, tag, multiple ? 1 : 0, requeue ? 1 : 0)
        }
        try check(status, "rejecting")
    }

    /// The next frame that has arrived, or `nil` when there is none now. This is also what sends and judges heartbeats.
    mutating func nextFrame() throws(BrokerError) -> Frame? {
        var frame = unsafe amqp_frame_t()
        var immediately = timeval()
        let status = watchdog.guarding(settings.callTimeout) {
            unsafe amqp_simple_wait_frame_noblock(raw, &frame, &immediately)
        }
        if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
        try check(status, "reading")
        return unsafe FrameHandle.copy(frame)
    }

    /// Gives the library's memory back; without it every frame ever read stays.
    func releaseBuffers() { unsafe amqp_maybe_release_buffers(raw) }

    /// Says goodbye and waits for the answer, at most the call timeout.
    mutating func close() {
        let reply = unsafe watchdog.guarding(settings.callTimeout) {
            unsafe amqp_connection_close(raw, AMQP_REPLY_SUCCESS)
        }
        // An unanswered goodbye changes nothing: the connection ends here in any case.
        isClosed = unsafe reply.reply_type == AMQP_RESPONSE_NORMAL
    }

    private mutating func call(
        _ operation: String,
        _ body: (amqp_connection_state_t, inout ArenaHandle) -> Void
    ) throws(BrokerError) {
        let raw = unsafe raw
        watchdog.guarding(settings.callTimeout + .seconds(1)) { unsafe body(raw, &arena) }
        arena.reset()
        try unsafe check(amqp_get_rpc_reply(raw), operation)
        releaseBuffers()
    }

    private mutating func declaring(
        _ object: String,
        _ body: (amqp_connection_state_t, inout ArenaHandle) -> Void
    ) throws(BrokerError) {
        do {
            try unsafe call("declaring \(object)", body)
        } catch .refused(code: 406, let text) {
            throw .topologyConflict(object: object, text)
        } catch .refused(code: 405, let text) {
            throw .topologyConflict(object: object, text)
        }
    }

    private mutating func encode(_ source: MessageProperties) -> amqp_basic_properties_t {
        var target = unsafe amqp_basic_properties_t()
        var flags = AMQP_BASIC_DELIVERY_MODE_FLAG
        unsafe target.delivery_mode = source.persistent ? 2 : 1
        if let text = source.messageID {
            flags |= AMQP_BASIC_MESSAGE_ID_FLAG
            unsafe target.message_id = unsafe arena.bytes(text)
        }
        if let text = source.contentType {
            flags |= AMQP_BASIC_CONTENT_TYPE_FLAG
            unsafe target.content_type = unsafe arena.bytes(text)
        }
        if let text = source.correlationID {
            flags |= AMQP_BASIC_CORRELATION_ID_FLAG
            unsafe target.correlation_id = unsafe arena.bytes(text)
        }
        if let text = source.type {
            flags |= AMQP_BASIC_TYPE_FLAG
            unsafe target.type = unsafe arena.bytes(text)
        }
        if let time = source.timestamp {
            flags |= AMQP_BASIC_TIMESTAMP_FLAG
            unsafe target.timestamp = UInt64(clamping: time.seconds)
        }
        if !source.headers.isEmpty {
            flags |= AMQP_BASIC_HEADERS_FLAG
            unsafe target.headers = unsafe arena.table(source.headers)
        }
        unsafe target._flags = UInt32(flags)
        return unsafe target
    }

    private func check(_ reply: amqp_rpc_reply_t, _ operation: String) throws(BrokerError) {
        switch unsafe reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            let (code, text) = unsafe FrameHandle.closing(reply.reply)
            throw .refused(code: code, text)
        case AMQP_RESPONSE_LIBRARY_EXCEPTION: try unsafe check(reply.library_error, operation)
        default: throw .lost("closed while \(operation)")
        }
    }

    private func check(_ status: Int32, _ operation: String) throws(BrokerError) {
        if status == AMQP_STATUS_OK.rawValue { return }
        if watchdog.hasCut { throw .stalled(operation) }
        switch status {
        case AMQP_STATUS_HEARTBEAT_TIMEOUT.rawValue: throw .heartbeatMissed
        case AMQP_STATUS_TIMEOUT.rawValue: throw .timedOut(operation)
        case AMQP_STATUS_BAD_AMQP_DATA.rawValue, AMQP_STATUS_UNKNOWN_CLASS.rawValue,
            AMQP_STATUS_UNKNOWN_METHOD.rawValue, AMQP_STATUS_WRONG_METHOD.rawValue,
            AMQP_STATUS_UNEXPECTED_STATE.rawValue, AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION.rawValue:
            throw .protocolViolation("\(Self.text(status)) while \(operation)")
        default: throw .lost("\(Self.text(status)) while \(operation)")
        }
    }

    /// Where the distributions keep the certificates they trust.
    private static var systemAuthorities: String? {
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
            .first { unsafe access($0, R_OK) == 0 }
    }

    private static func text(_ status: Int32) -> String {
        // A string constant of the library.
        unsafe amqp_error_string2(status).map { unsafe String(cString: $0) } ?? "error \(status)"
    }

    private static func interval(_ duration: Duration) -> timeval {
        let micros = max(1, duration.microseconds)
        return timeval(tv_sec: Int(micros / 1_000_000), tv_usec: Int(micros % 1_000_000))
    }
}
