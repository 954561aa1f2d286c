import Contracts
import HTTPClient
import JSON
import Kernel

/// What an answer of the outside service says about its work.
enum Verdict: Sendable {
    case running(progress: Double?)
    case done(JSONElement)
    /// In the service's words.
    case failed(String)

    init(_ answer: JSONElement, _ kind: HTTPKind) {
        let word = kind.status.pointer.text(in: answer) ?? ""
        if kind.status.done.contains(word) {
            self = .done(answer)
        } else if kind.status.failed.contains(word) {
            let message = kind.error?.value(in: answer).flatMap(RequestTemplate.text)
            self = .failed(String((message ?? "the provider says: \(word)").prefix(500)))
        } else {
            let number = kind.progress.flatMap { $0.pointer.value(in: answer)?.double }
            self = .running(progress: number.map { min(1, max(0, $0 / (kind.progress?.total ?? 1))) })
        }
    }

    /// Whether nothing more will come.
    var isFinal: Bool {
        if case .running = self { false } else { true }
    }
}

/// What is kept in the job's row while an outside service works for it, so that the next attempt goes on where this
/// one ended.
///
/// ```
///   round 1, no id ──create──▶ round 1, id ──done──▶ (job completed)
///        ▲                         │
///        └── round + 1, no id ◀────┘ failed, or forgotten by the service
/// ```
struct ProviderState: Sendable, Hashable {
    var round = 1
    var externalID: String?

    init() {}

    init(_ json: RawJSON?) throws {
        guard let json else { return }
        let root = try JSONDocument(parsing: json.bytes).root
        round = root["round"]?.int ?? 1
        externalID = root.value("id")?.string
    }

    /// The same for every attempt of a round: a creation that was answered but not stored is not paid twice.
    func idempotencyKey(_ job: JobID) -> String { "\(job):\(round)" }

    /// What comes after the service has given up on this round.
    var next: ProviderState {
        var state = ProviderState()
        state.round = round + 1
        return state
    }

    var json: RawJSON {
        RawJSON(
            JSONWriter.bytes { json in
                json.object {
                    $0.member("round", round)
                    $0.member("id", externalID)
                }
            }
        )
    }
}
