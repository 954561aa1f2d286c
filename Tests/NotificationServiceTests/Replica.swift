import JSON

@testable import NotificationService

/// What a client has applied, as the contract tells it to.
struct Replica: Sendable {
    var statuses: [String: (seq: Int, status: String)] = [:]
    var cursor: String?
    var snapshots = 0
    var skips = 0
    var faults: [String] = []
    /// Pages of a snapshot that is not whole yet: it counts for nothing before its last page has come.
    var pages: [JSONElement] = []

    /// Applies a message; repeats change nothing.
    mutating func apply(_ message: JSONElement) {
        // Every message is as its description says.
        let type = message["type"]?.string ?? ""
        if let schema = ServerMessageType(rawValue: type)?.schema {
            faults += schema.issues(in: message).map { "\(type)\($0.pointer) \($0.message)" }
        } else {
            faults.append("no message \(type) is described")
        }
        switch type {
        case "snapshot":
            snapshots += 1
            pages.append(message)
            guard message["last"]?.bool == true else { return }
            for page in pages { for job in page["jobs"]?.elements.map({ $0 }) ?? [] { set(job) } }
            pages = []
            if let cursor = message.value("cursor")?.string { self.cursor = cursor }
        case "job_update":
            guard let data = message["data"], let id = data["job_id"]?.string, let seq = data["seq"]?.int else {
                return faults.append("an update without a job")
            }
            let known = statuses[id]?.seq ?? 0
            if seq > known + 1 { faults.append("job \(id) jumped from \(known) to \(seq)") }
            set(data)
            cursor = message["cursor"]?.string
        case "skip":
            guard let id = message["job_id"]?.string, let from = message["from"]?.int, let to = message["to"]?.int
            else { return faults.append("a skip without a range") }
            skips += 1
            let known = statuses[id]?.seq ?? 0
            if from > known + 1 { faults.append("job \(id) is at \(known), and the skip begins at \(from)") }
            if to > known { statuses[id] = (to, "skipped") }
        case "error": faults.append(message["code"]?.string ?? "error")
        default: break
        }
    }

    private mutating func set(_ job: JSONElement) {
        guard let id = job["job_id"]?.string, let seq = job["seq"]?.int, let status = job["status"]?.string,
            seq > statuses[id]?.seq ?? 0
        else { return }
        statuses[id] = (seq, status)
    }

    var fingerprint: [String] { statuses.map { "\($0.key) \($0.value.seq) \($0.value.status)" }.sorted() }
}
