import Contracts
import HTTPServer
import JSON
import Kernel

/// The contract's error envelope, or RFC 9457 for those who ask for it.
enum ErrorResponse {
    static func make(_ error: ServiceError, requestID: String, accept: String?) -> Response {
        let asProblem = accept?.contains("application/problem+json") == true
        let body = asProblem ? problem(error, requestID) : envelope(error, requestID)
        let type = asProblem ? "application/problem+json" : "application/json"
        var response = Response(Status(error.code.status), type: type, body)
        response.headers.set("X-Request-ID", requestID)
        if let after = error.retryAfter {
            response.headers.set("Retry-After", "\(max(1, (after.milliseconds + 999) / 1000))")
        }
        if error.code == .unauthenticated { response.headers.set("WWW-Authenticate", "Bearer realm=\"martlet\"") }
        return response
    }

    private static func envelope(_ error: ServiceError, _ requestID: String) -> [UInt8] {
        JSONWriter.bytes { json in
            json.object { json in
                json.member("error") { json in
                    json.object {
                        $0.member("code", error.code.text)
                        $0.member("message", error.message)
                        $0.member("details", error.details)
                        $0.member("request_id", requestID)
                        $0.member("retryable", error.code.isRetryable)
                    }
                }
            }
        }
    }

    private static func problem(_ error: ServiceError, _ requestID: String) -> [UInt8] {
        JSONWriter.bytes { json in
            json.object {
                $0.member("type", "about:blank")
                $0.member("title", Status(error.code.status).reason)
                $0.member("status", error.code.status)
                $0.member("detail", error.message)
                $0.member("code", error.code.text)
                $0.member("details", error.details)
                $0.member("request_id", requestID)
                $0.member("retryable", error.code.isRetryable)
            }
        }
    }
}
