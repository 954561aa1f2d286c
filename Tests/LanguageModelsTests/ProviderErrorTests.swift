import Kernel
import Testing

@testable import HTTPClient
@testable import LanguageModels

@Suite struct ProviderErrorTests {
    @Test(arguments: [
        (
            429, #"{"error":{"message":"slow","type":"requests","code":"rate_limit_exceeded"}}"#,
            ModelFailure.Code.rateLimited, true
        ),
        (
            429, #"{"error":{"message":"pay","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            .quotaExceeded, false
        ),
        (402, #"{"type":"error","error":{"type":"billing_error","message":"pay"}}"#, .quotaExceeded, false),
        (400, #"{"error":{"message":"m","code":"context_length_exceeded"}}"#, .contextExceeded, false),
        (
            400,
            #"{"error":{"code":400,"message":"request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            .contextExceeded, false
        ),
        (
            400, #"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens"}}"#,
            .contextExceeded, false
        ),
        (413, "", .contextExceeded, false), (400, #"{"error":"invalid"}"#, .requestRefused, false),
        (
            404, #"{"type":"error","error":{"type":"not_found_error","message":"no such model"}}"#, .requestRefused,
            false
        ),
        (401, #"{"error":{"message":"Incorrect API key: sk-abc"}}"#, .unauthenticated, false),
        (403, "", .unauthenticated, false),
        (408, "", .timedOut, true), (409, "", .failed, true), (500, "<html>", .failed, true),
        (503, "", .overloaded, true),
        (504, "", .timedOut, true),
        (529, #"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, .overloaded, true),
        (302, "", .requestRefused, false),
        (400, #"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#, .requestRefused, false),
        (429, #"{"error":{"message":"context length of all requests"}}"#, .rateLimited, true),
    ])
    func `a refusal is one of few kinds`(status: Int, body: String, code: ModelFailure.Code, isRetryable: Bool) {
        let kind = ProviderError(status: status, body: Array(body.utf8)).kind
        #expect(kind.code == code)
        #expect(kind.isRetryable == isRetryable)
    }

    @Test func `what is shown is one line, and nothing of a refused key`() {
        let refused = ProviderError(status: 401, body: Array(#"{"error":{"message":"bad sk-abc"}}"#.utf8))
        #expect(refused.message("status 401") == "status 401")
        let wrong = ProviderError(status: 400, body: Array(#"{"error":{"message":"no\nsuch\u0000thing"}}"#.utf8))
        #expect(wrong.message("status 400") == "status 400: no such thing")
    }

    @Test(
        arguments: [
            (["retry-after-ms": "1500.5", "retry-after": "9"], Duration.microseconds(1_500_500), Bool?.none),
            (["retry-after": "7"], .seconds(7), nil), (["Retry-After": "0.25"], .milliseconds(250), nil),
            (["retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"], .seconds(90), nil),
            (["retry-after": "soon", "x-should-retry": "true"], nil, true), (["retry-after": "-1"], nil, nil),
            (["retry-after": "1e300"], .seconds(86_400), nil), (["retry-after": "nan"], nil, nil),
            (["x-should-retry": "false"], nil, false),
        ] as [([String: String], Duration?, Bool?)]
    )
    func `advice is read in all its forms`(headers: [String: String], wait: Duration?, shouldRetry: Bool?) {
        var fields = ResponseHeaders()
        for (name, value) in headers { fields.append(name, value) }
        let advice = RetryAdvice(ResponseHead(status: 429, headers: fields), now: Timestamp(microseconds: 10_000_000))
        #expect(advice.wait == wait)
        #expect(advice.shouldRetry == shouldRetry)
    }
}
