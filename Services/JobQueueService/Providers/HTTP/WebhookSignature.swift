import Contracts
import Crypto
import Kernel

/// Judges whether a webhook comes from who shares the secret: header `t=<seconds>,v1=<hex>`, where `v1` is the
/// HMAC-SHA256 of `"<t>.<body>"`, as in our own callbacks.
struct WebhookSignature: Sendable {
    let header: String
    let secret: Secret<String>
    /// How far the sender's clock and the way here may be apart from ours.
    let tolerance: Duration

    /// Whether some `v1` of the header is right, and its time near.
    func isValid(_ value: String?, body: [UInt8], now: Timestamp) -> Bool {
        var time: Int64?
        var codes: [[UInt8]] = []
        for part in (value ?? "").split(separator: ",").prefix(10) {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { continue }
            switch pair[0].trimmingPrefix(" ") {
            case "t": time = Int64(pair[1])
            case "v1": if let code = Hex.decode(String(pair[1])) { codes.append(code) }
            default: break
            }
        }
        guard let time else { return false }
        let age = (now.microseconds / 1_000_000).subtractingReportingOverflow(time)
        guard !age.overflow, age.partialValue.magnitude <= UInt64(max(0, tolerance.milliseconds) / 1000) else {
            return false
        }
        let key = Array(secret.reveal().utf8)
        let message = CallbackHeader.signedBytes(time: time, body: body)
        return codes.contains { HMAC.isValid($0, key: key, message: message) }
    }
}
