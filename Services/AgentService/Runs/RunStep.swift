import Contracts
import JSON
import Kernel
import LanguageModels
import Postgres

/// A step of a run, as recorded.
struct RunStep: Sendable {
    /// What it is.
    enum Kind: String, Sendable {
        /// What somebody said to the agent.
        case message
        /// A turn of the model.
        case model
        /// A call of a tool.
        case tool
    }

    /// How far it is. Messages and turns are recorded when they have ended.
    ///
    /// ```
    ///   pending ──needs approval──▶ asked ──approved──▶ begun ──▶ done
    ///      │                          └──denied, expired───────▶ failed
    ///      ├──only reads──▶ done, failed
    ///      └──▶ begun ──▶ done, failed
    ///             └─────▶ waiting, for a job or another run ──▶ done, failed
    /// ```
    enum Status: String, Sendable {
        case pending, asked, begun, waiting, done, failed

        var isFinal: Bool { self == .done || self == .failed }
    }

    let n: Int
    let kind: Kind
    let status: Status
    /// What it adds to the conversation.
    let message: ModelMessage?
    let call: ModelToolCall?
    let isUntrusted: Bool
    let job: JobID?
    let child: RunID?
    let detail: RawJSON?
    let errorCode: String?
    let errorMessage: String?
    let retryAt: Timestamp?
    let begunAt: Timestamp
    let endedAt: Timestamp?
    let effect: String?
    let approval: RunApproval?

    /// The columns that `init(_:)` reads, in its order.
    static let columns: SQL = """
        step.n, step.kind, step.status, step.message, step.call_id, step.tool, step.arguments, step.effect,
        step.is_untrusted, step.job_id, step.child_id, step.detail, step.error_code, step.error_message, step.retry_at,
        step.begun_at, step.ended_at, \(RunApproval.columns)
        """
}

extension RunStep {
    /// Reads the columns.
    init(_ row: Row) throws {
        var reader = row.reader
        n = try reader.next()
        let kind: String = try reader.next()
        let status: String = try reader.next()
        guard let kind = Kind(rawValue: kind), let status = Status(rawValue: status) else { throw RunRecordError(n: n) }
        self.kind = kind
        self.status = status
        let message: RawJSON? = try reader.next()
        self.message = try message.map { try ModelMessage(json: JSONDocument(parsing: $0.bytes).root) }
        let callID: String? = try reader.next()
        let tool: String? = try reader.next()
        let arguments: RawJSON? = try reader.next()
        if let callID, let tool, let arguments {
            call = ModelToolCall(id: callID, name: tool, arguments: arguments)
        } else {
            call = nil
        }
        effect = try reader.next()
        isUntrusted = try reader.next()
        job = try reader.next()
        child = try reader.next()
        detail = try reader.next()
        errorCode = try reader.next()
        errorMessage = try reader.next()
        retryAt = try reader.next()
        begunAt = try reader.next()
        endedAt = try reader.next()
        approval = try RunApproval(&reader)
    }
}

/// A recorded step that this version cannot read.
struct RunRecordError: Error, CustomStringConvertible {
    let n: Int
    var description: String { "step \(n) is of a kind that is not known here" }
}

extension RunStep: JSONWritable {
    /// Writes the step as an object.
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("n", n)
            json.member("kind", kind.rawValue)
            json.member("status", status.rawValue)
            json.member("message", message)
            if let call {
                json.member("call_id", call.id)
                json.member("tool", call.name)
                json.member("arguments", call.arguments)
                json.member("effect", effect)
                json.member("untrusted", isUntrusted)
                json.member("job_id", job)
                json.member("child_run_id", child)
                json.member("approval", approval)
            }
            json.member("detail", detail)
            json.member("error_code", errorCode)
            json.member("error_message", errorMessage)
            json.member("retry_at", retryAt)
            json.member("begun_at", begunAt)
            json.member("ended_at", endedAt)
        }
    }
}
