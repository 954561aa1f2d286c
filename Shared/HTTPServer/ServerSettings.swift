internal import CBeast
import Glibc
import Kernel

/// Where a server listens, and its bounds.
public struct ServerSettings: Sendable {
    /// An address of this machine, or a name for one.
    public var host: String
    /// 0 lets the system choose.
    public var port: UInt16
    /// Event loops, each a thread.
    public var loops: Int
    /// Whether each loop has a listening socket of its own, between which the kernel shares new connections out. Else
    /// they share one.
    public var reusePort = true
    /// Whether another process may listen on the same port. When not, a forgotten one is noticed at the start.
    public var sharesPort = false

    /// Request line and header fields, in bytes.
    public var headerBytes = 16 * 1024
    /// Header fields.
    public var headerFields = 100
    /// What is read ahead of pipelined requests while one is being answered, in bytes.
    public var pipelinedBytes = 16 * 1024
    /// From the first byte of a request (or from the accept) to the end of its head.
    public var headerTimeout: Duration = .seconds(10)
    /// Between two pieces of a body.
    public var bodyIdleTimeout: Duration = .seconds(30)
    /// Between two requests.
    public var keepAliveTimeout: Duration = .seconds(75)
    /// How long a client may take no byte of a response that waits.
    public var writeStallTimeout: Duration = .seconds(30)
    /// How long after an answer that ends the connection what still comes is read and thrown away.
    public var lingerTimeout: Duration = .seconds(2)
    /// How long a request is worked for whose client has stopped sending: it may have gone, or just be done.
    public var halfCloseGrace: Duration = .seconds(2)
    /// A streamed response's `write` waits while more bytes than this wait to be sent.
    public var writeHighMark = 64 * 1024
    /// And goes on when no more than this do.
    public var writeLowMark = 16 * 1024

    /// A WebSocket peer that is silent for so long is sent a ping,
    public var pingInterval: Duration = .seconds(25)
    /// and given up when it is silent for so much longer.
    public var pongTimeout: Duration = .seconds(20)

    /// Connections in all; more are answered with 503.
    public var connections = 20_000
    /// Connections per remote address; more are answered with 429.
    public var connectionsPerAddress = 1_000

    /// How often deadlines and timers are looked at; they are late by at most this.
    public var tick: Duration = .seconds(1)

    /// Settings with the standard bounds.
    public init(host: String = "127.0.0.1", port: UInt16 = 0, loops: Int = ServerSettings.standardLoops) {
        self.host = host
        self.port = port
        self.loops = loops
    }

    /// As many as there are processors, at most four.
    public static var standardLoops: Int { max(1, min(4, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    var limits: cb_limits {
        cb_limits(
            header_bytes: UInt32(clamping: headerBytes),
            header_fields: UInt32(clamping: headerFields),
            pipelined_bytes: UInt32(clamping: pipelinedBytes),
            write_high: UInt32(clamping: writeHighMark),
            write_low: UInt32(clamping: writeLowMark),
            header_ms: headerTimeout.milliseconds,
            body_idle_ms: bodyIdleTimeout.milliseconds,
            keep_alive_ms: keepAliveTimeout.milliseconds,
            write_stall_ms: writeStallTimeout.milliseconds,
            linger_ms: lingerTimeout.milliseconds,
            half_close_ms: halfCloseGrace.milliseconds,
            ping_ms: pingInterval.milliseconds,
            pong_ms: pongTimeout.milliseconds,
            tick_ms: max(1, tick.milliseconds)
        )
    }
}
