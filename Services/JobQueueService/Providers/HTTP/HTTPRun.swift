import Concurrency
import Contracts
import HTTPClient
import JSON
import Kernel

/// One attempt at an outside service.
struct HTTPRun: Sendable {
    let kind: HTTPKind
    let lease: Lease
    private(set) var state: ProviderState
    private let attempt: Attempt
    private let client: Client
    private let downloads: Client
    private let inbox: WebhookInbox
    private let params: [String: JSONElement]

    /// So many answers in a row may fail before the attempt does; the next attempt goes on with the same outside job.
    private static let toleratedFailures = 6

    init(
        _ kind: HTTPKind,
        _ lease: Lease,
        _ attempt: Attempt,
        client: Client,
        downloads: Client,
        inbox: WebhookInbox
    ) throws {
        self.kind = kind
        self.lease = lease
        self.attempt = attempt
        self.client = client
        self.downloads = downloads
        self.inbox = inbox
        state = try ProviderState(lease.providerState)
        let members = try JSONDocument(parsing: lease.params.bytes).root.members
        params = Dictionary(members.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// What fills the places of templates.
    func values() throws -> [String: JSONElement] {
        var values = params
        values["job_id"] = try HTTPRun.element("\(lease.jobID)")
        if let id = state.externalID { values["id"] = try HTTPRun.element(id) }
        return values
    }

    private static func element(_ text: String) throws -> JSONElement {
        try JSONDocument(parsing: JSONWriter.bytes { $0.value(text) }).root
    }

    /// Carries the attempt to its end.
    mutating func carryOut() async throws -> ProviderResult {
        var verdict = Verdict.running(progress: nil)
        if state.externalID == nil { verdict = try await create() }
        if !verdict.isFinal { verdict = try await wait() }
        switch verdict {
        case .done(let answer):
            return try await ResultCollector(kind, lease, attempt, downloads).collect(answer)
        case .failed(let message):
            throw await ended(ProviderFailure(code: "PROVIDER_FAILED", message: message))
        case .running:
            throw ProviderFailure(code: "PROVIDER_BAD_ANSWER", message: "the provider did not say how it ended")
        }
    }

    /// The round is over without a result: another attempt has to begin anew.
    private mutating func ended(_ failure: ProviderFailure) async -> any Error {
        state = state.next
        do {
            try await keepState(progress: nil)
            return failure
        } catch {
            return error
        }
    }

    private func keepState(progress: Double?) async throws {
        let key = LeaseKey(jobID: lease.jobID, fence: lease.fence)
        try await attempt.report(
            Progress(
                key: key,
                fraction: progress,
                providerState: state.json,
                phase: state.externalID == nil ? .running : .awaitingProvider
            )
        )
    }

    private mutating func create() async throws -> Verdict {
        let key = [(name: "Idempotency-Key", value: state.idempotencyKey(lease.jobID))]
        guard let request = try kind.create.request(try values(), extra: key) else {
            throw ProviderFailure(
                code: "INVALID_PARAMS",
                message: "a param that the provider's URL needs is missing",
                isRetryable: false
            )
        }
        let response: ClientResponse
        do {
            response = try await client.send(request)
        } catch let error as ClientError {
            throw ProviderFailure(error)
        }
        guard (200...299).contains(response.status) else { throw ProviderFailure(answer: response.head) }
        let answer = try parse(response)
        guard let id = kind.id.text(in: answer), (1...500).contains(id.utf8.count) else {
            throw ProviderFailure(code: "PROVIDER_BAD_ANSWER", message: "the provider's answer has no id")
        }
        state.externalID = id
        try await keepState(progress: nil)
        return Verdict(answer, kind)
    }

    private mutating func wait() async throws -> Verdict {
        switch kind.waiting {
        case .poll(let template, let backoff): try await poll(template, backoff)
        case .webhook: try await waitForWebhook()
        }
    }

    private mutating func poll(_ template: RequestTemplate, _ backoff: Backoff) async throws -> Verdict {
        guard let request = try template.request(try values()) else {
            throw ProviderFailure(code: "INVALID_PARAMS", message: "a value in the poll URL is missing")
        }
        var turn = 0
        var failures = 0
        var asked = Duration.zero
        while true {
            turn += 1
            // Between half of the interval and the whole: many jobs of one moment drift apart.
            let bound = backoff.bound(afterAttempt: turn)
            let wait = bound / 2 + .microseconds(Int64(Double(bound.microseconds) / 2 * RandomSource.system.fraction()))
            try await Task.sleep(for: max(wait, asked))
            asked = .zero
            let failure: ProviderFailure
            do {
                let response = try await client.send(request)
                switch response.status {
                case 200...299:
                    failures = 0
                    let verdict = Verdict(try parse(response), kind)
                    guard case .running(let progress) = verdict else { return verdict }
                    try await keepState(progress: progress)
                    continue
                case 404, 410:
                    throw await ended(
                        ProviderFailure(code: "PROVIDER_LOST_JOB", message: "the provider no longer knows the job")
                    )
                default:
                    failure = ProviderFailure(answer: response.head)
                }
            } catch let error as ClientError {
                failure = ProviderFailure(error)
            }
            failures += 1
            guard failure.isRetryable, failures < HTTPRun.toleratedFailures else { throw failure }
            asked = min(failure.retryAfter ?? .zero, .seconds(300))
        }
    }

    private func waitForWebhook() async throws -> Verdict {
        guard let id = state.externalID else { return .running(progress: nil) }
        return try await inbox.listening(to: id) { wakeup in
            var last: RawJSON?
            while true {
                if let body = try await inbox.find(provider: kind.provider, externalID: id), body != last {
                    last = body
                    let verdict = Verdict(try JSONDocument(parsing: body.bytes).root, kind)
                    guard case .running(let progress) = verdict else { return verdict }
                    try await keepState(progress: progress)
                }
                // Another replica may have been called: then only the database knows.
                _ = try await wakeup.wait(atMost: .seconds(2))
            }
        }
    }

    private func parse(_ response: ClientResponse) throws -> JSONElement {
        do throws(JSONError) {
            return try JSONDocument(parsing: kind.mask.applied(to: response.body)).root
        } catch {
            throw ProviderFailure(code: "PROVIDER_BAD_ANSWER", message: "the provider's answer is not JSON")
        }
    }
}
