import Glibc
import JSON
import Kernel

/// One of many WebSocket clients that check what they are told. It is looked at by its swarm's thread, and never waits.
struct SwarmClient {
    struct Known: Equatable {
        var seq: Int
        var status: String
    }

    private enum State {
        case away(until: ContinuousClock.Instant)
        case shakingHands
        case open
    }

    let queue: String
    private let wantsLatest: Bool
    private let token: String
    private var state = State.away(until: .now)
    private(set) var file: Int32 = -1
    private var held: [UInt8] = []
    /// It reads nothing before.
    private(set) var stalledUntil: ContinuousClock.Instant?
    private var leavesAt: ContinuousClock.Instant?

    /// What it believes of its queue's jobs.
    private(set) var jobs: [String: Known] = [:]
    private var cursor: String?
    private var pages: [JSONElement] = []
    private(set) var faults: [String] = []
    private(set) var counts = Swarm.Counts()

    init(queue: String, wantsLatest: Bool, token: String) {
        self.queue = queue
        self.wantsLatest = wantsLatest
        self.token = token
    }

    /// Goes on when its time has come. `isCalm` ends all mischief.
    mutating func look(_ ports: [Int], at now: ContinuousClock.Instant, isCalm: Bool) {
        if isCalm || stalledUntil.map({ $0 <= now }) ?? true { stalledUntil = nil }
        switch state {
        case .away(let until): if until <= now { connect(ports.randomElement() ?? 0) }
        case .shakingHands, .open:
            if let leavesAt, leavesAt <= now { return leave(for: .milliseconds(10)) }
            guard !isCalm else { return }
            // About once in forty seconds each, by twenty looks a second.
            if Int.random(in: 0..<800) == 0 { return leave(for: .milliseconds(Int.random(in: 0...500))) }
            if stalledUntil == nil, Int.random(in: 0..<4000) == 0 {
                counts.stalls += 1
                stalledUntil = now + .milliseconds(Int.random(in: 500...12_000))
            }
        }
    }

    private mutating func leave(for pause: Duration) {
        if file >= 0 { close(file) }
        file = -1
        held = []
        pages = []
        leavesAt = nil
        state = .away(until: .now + pause)
    }

    private mutating func connect(_ port: Int) {
        counts.connects += 1
        file = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var small: Int32 = 16 * 1024
        // The value is read during the call.
        unsafe _ = setsockopt(file, SOL_SOCKET, SO_RCVBUF, &small, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        // The address is read during the call.
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            counts.refused += 1
            return leave(for: .milliseconds(Int.random(in: 100...1000)))
        }
        _ = fcntl(file, F_SETFL, O_NONBLOCK)
        state = .shakingHands
        let head = """
            GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Authorization: Bearer \(token)\r\n\r\n
            """
        send(Array(head.utf8))
    }

    private mutating func send(_ bytes: [UInt8]) {
        // What is sent is little: a buffer that has no room for it belongs to a dead connection.
        let sent = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if sent != bytes.count { leave(for: .milliseconds(100)) }
    }

    private mutating func frame(_ code: UInt8, _ payload: [UInt8]) {
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)]
            : [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        send([0x80 | code] + length + [0, 0, 0, 0] + payload)
    }

    /// Takes what has come.
    mutating func read(_ buffer: inout [UInt8]) {
        guard stalledUntil == nil, file >= 0 else { return }
        // The bytes are stored during the call.
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(file, $0.baseAddress, $0.count, 0) }
        if count < 0, errno == EAGAIN { return }
        guard count > 0 else { return leave(for: .milliseconds(Int.random(in: 50...500))) }
        held += buffer[..<count]
        if case .shakingHands = state {
            guard let end = held.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
            guard held.starts(with: Array("HTTP/1.1 101".utf8)) else {
                counts.refused += 1
                return leave(for: .milliseconds(Int.random(in: 100...1000)))
            }
            held.removeFirst(end.upperBound)
            state = .open
            let from = cursor.map { ",\"cursor\":\"\($0)\"" } ?? ""
            let mode = wantsLatest ? "latest" : "all"
            let wish =
                "{\"type\":\"subscribe\",\"mode\":\"\(mode)\",\"contexts\":[{\"context_id\":\"queue:\(queue)\"\(from)}]}"
            frame(1, Array(wish.utf8))
        }
        takeFrames()
    }

    private mutating func takeFrames() {
        var used = 0
        while held.count - used >= 2, file >= 0 {
            var length = Int(held[used + 1] & 0x7f)
            var start = used + 2
            let extra = length == 126 ? 2 : length == 127 ? 8 : 0
            guard held.count >= start + extra else { break }
            if extra > 0 { length = held[start..<(start + extra)].reduce(0) { $0 << 8 | Int($1) } }
            start += extra
            guard held.count >= start + length else { break }
            let payload = Array(held[start..<(start + length)])
            let code = held[used] & 0x0f
            used = start + length
            switch code {
            case 1: take(payload)
            case 8:
                counts.closes += 1
                return leave(for: .milliseconds(Int.random(in: 10...200)))
            case 9: frame(10, payload)
            default: break
            }
        }
        if used > 0, file >= 0 { held.removeFirst(used) }
    }

    // MARK: What it is told

    private mutating func take(_ payload: [UInt8]) {
        let message: JSONElement
        do {
            message = try JSONDocument(parsing: payload).root
        } catch {
            return faults.append("not JSON: \(error)")
        }
        switch message["type"]?.string {
        case "snapshot":
            counts.snapshots += 1
            pages.append(message)
            guard message["last"]?.bool == true else { return }
            for page in pages { for job in page["jobs"]?.elements.map({ $0 }) ?? [] { set(job) } }
            pages = []
            cursor = message["cursor"]?.string ?? cursor
        case "job_update":
            counts.updates += 1
            guard let data = message["data"], let id = data["job_id"]?.string, let seq = data["seq"]?.int else {
                return faults.append("an update without a job")
            }
            let known = jobs[id]?.seq ?? 0
            if seq > known + 1 { faults.append("job \(id) jumped from \(known) to \(seq)") }
            if seq <= known, data["type"]?.string == "job.status.updated" { counts.repeats += 1 }
            set(data)
            cursor = message["cursor"]?.string ?? cursor
        case "skip":
            counts.skips += 1
            guard let id = message["job_id"]?.string, let from = message["from"]?.int, let to = message["to"]?.int
            else { return faults.append("a skip without a range") }
            let known = jobs[id]?.seq ?? 0
            if from > known + 1 { faults.append("job \(id) is at \(known), and the skip begins at \(from)") }
            if to > known { jobs[id] = Known(seq: to, status: "skipped") }
        case "drain":
            counts.drains += 1
            leavesAt = .now + .milliseconds(message["reconnect_after_ms"]?.int ?? 0)
        case "error" where message["retryable"]?.bool == true: leave(for: .milliseconds(500))
        case "error": faults.append("error \(message["code"]?.string ?? "")")
        default: break
        }
    }

    private mutating func set(_ job: JSONElement) {
        guard let id = job["job_id"]?.string, let seq = job["seq"]?.int, let status = job["status"]?.string,
            seq > jobs[id]?.seq ?? 0
        else { return }
        jobs[id] = Known(seq: seq, status: status)
    }
}
