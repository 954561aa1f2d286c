import Contracts
import JSON

/// A kind of job that somebody here can run, or says why not.
struct Kind: Sendable {
    /// Its name.
    let name: String
    /// What it does, in a sentence.
    let summary: String
    /// What its params must look like.
    let params: JSONSchema
    /// Who runs it: `command`, `http` or `remote`.
    let provider: String
    /// Why it cannot be run on this machine, if so.
    let unavailable: String?
    /// What its jobs depend on unless they say something else: retries are bounded for all of these together.
    var dependency: String?
}

/// The kinds that are configured. A kind that is not here may still be run by a worker, without checks of its params.
struct KindRegistry: Sendable {
    /// The kinds, by name.
    let kinds: [String: Kind]

    init(_ kinds: [Kind]) {
        self.kinds = Dictionary(kinds.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// What is wrong with a submission's kind and params, with pointers from the submission.
    func issues(in submission: JobSubmission) -> [JSONIssue] {
        guard let kind = kinds[submission.kind] else { return [] }
        if let reason = kind.unavailable {
            return [JSONIssue(pointer: "/kind", message: "is not available here: \(reason)")]
        }
        do {
            return kind.params.issues(in: try JSONDocument(parsing: submission.params.bytes).root, at: "/params")
        } catch {
            return [JSONIssue(pointer: "/params", message: "\(error)")]
        }
    }
}
