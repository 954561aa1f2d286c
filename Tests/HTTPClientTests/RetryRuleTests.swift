import Kernel
import Testing

@testable import HTTPClient

@Suite(.timeLimit(.minutes(1))) struct RetryRuleTests {
    private let rule = RetryRule.safe(
        attempts: 3,
        backoff: Backoff(from: .seconds(1), cap: .seconds(4)),
        longestWait: .seconds(30)
    )
    private let half = RandomSource { 1 << 63 }
    private let now = Timestamp(microseconds: 784_111_777_000_000)  // 1994-11-06T08:49:37Z

    private func head(_ status: Int, _ retryAfter: String? = nil) -> ResponseHead {
        var headers = ResponseHeaders()
        if let retryAfter { headers.append("Retry-After", retryAfter) }
        return ResponseHead(status: status, headers: headers)
    }

    @Test(arguments: [ClientError.connectionLost, .couldNotConnect(host: "h"), .timedOut(.response)], [true, false])
    func `what may have been seen is tried again only when it is idempotent`(error: ClientError, idempotent: Bool) {
        for seen in [true, false] {
            let failure = TransferFailure(error: error, mayHaveBeenSeen: seen)
            let wait = rule.wait(after: failure, attempt: 2, idempotent: idempotent, random: half)
            #expect(wait == (idempotent || !seen ? .seconds(1) : nil))
            #expect(rule.wait(after: failure, attempt: 3, idempotent: true, random: half) == nil)
            #expect(RetryRule.none.wait(after: failure, attempt: 1, idempotent: true, random: half) == nil)
        }
    }

    @Test func `what will not change is not tried again`() {
        let errors: [ClientError] = [
            .invalidURL, .tls("x"), .responseTooLarge(limit: 1), .addressRefused(host: "h"), .protocolError("x"),
            .shutDown,
        ]
        for error in errors {
            let failure = TransferFailure(error: error, mayHaveBeenSeen: false)
            #expect(rule.wait(after: failure, attempt: 1, idempotent: true, random: half) == nil)
        }
    }

    @Test(arguments: [
        (429, "7", Duration.seconds(7)), (503, "Sun, 06 Nov 1994 08:49:57 GMT", .seconds(20)),
        (502, "Sat, 05 Nov 1994 08:49:37 GMT", .milliseconds(500)), (504, "soon", .milliseconds(500)),
        (503, "31", nil), (500, nil, nil), (200, nil, nil), (503, nil, .milliseconds(500)),
        (503, "0", .milliseconds(500)),
    ])
    func `an answer says when`(status: Int, retryAfter: String?, expected: Duration?) {
        let head = head(status, retryAfter)
        #expect(rule.wait(after: head, attempt: 1, idempotent: true, now: now, random: half) == expected)
        #expect(rule.wait(after: head, attempt: 1, idempotent: false, now: now, random: half) == nil)
        #expect(rule.wait(after: head, attempt: 3, idempotent: true, now: now, random: half) == nil)
    }
}
