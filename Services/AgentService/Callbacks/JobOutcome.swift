import Contracts
import JSON
import Kernel

/// What a callback says: how a job ended.
struct JobOutcome: Sendable {
    let eventID: String
    let jobID: JobID
    let cardID: CardID?
    let status: JobStatus
    let resultURL: String?

    /// Reads the body of an event; members that are not ours are left to others.
    init(_ body: JSONElement) throws {
        var issues: [JSONIssue] = []
        func refuse(_ pointer: String, _ message: String) {
            issues.append(JSONIssue(pointer: pointer, message: message))
        }
        let eventID = body.value("event_id")?.string ?? ""
        if !(1...200).contains(eventID.utf8.count) { refuse("/event_id", "must be 1 to 200 bytes") }
        let jobID = body.value("job_id")?.string.flatMap { JobID($0) }
        if jobID == nil { refuse("/job_id", "must be a valid uuid") }
        let status = body.value("status")?.string.flatMap(JobStatus.init(rawValue:))
        if status?.isFinal != true { refuse("/status", "must be a final status") }
        let card = body.value("card_id")
        let cardID = card?.string.flatMap { CardID($0) }
        if card != nil, cardID == nil { refuse("/card_id", "must be a valid uuid") }
        let url = body.value("result_url")
        if let url, !(1...2000).contains(url.string?.utf8.count ?? 0) {
            refuse("/result_url", "must be 1 to 2000 bytes")
        }
        guard issues.isEmpty, let jobID, let status else { throw ServiceError.invalid(issues) }
        self.eventID = eventID
        self.jobID = jobID
        self.cardID = cardID
        self.status = status
        resultURL = url?.string
    }
}
