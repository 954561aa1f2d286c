import Contracts
import Crypto
import Kernel

/// Checks that a callback comes from who holds the secret, and lately.
struct CallbackSignature: Sendable {
    let secret: Secret<String>
    let clock: WallClock

    /// - Parameter header: `t=<seconds>,v1=<hex>`; several `v1` are allowed, as while a secret is being replaced.
    func isValid(_ header: String?, body: [UInt8]) -> Bool {
        guard let header, header.utf8.count <= 1000 else { return false }
        var time: Int64?
        var codes: [[UInt8]] = []
        for part in header.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { return false }
            switch pair[0].trimmingPrefix(" ") {
            case "t": time = Int64(pair[1])
            case "v1": codes.append(Hex.decode(String(pair[1])) ?? [])
            default: break
            }
        }
        guard let time else { return false }
        // The distance is compared without arithmetic that a foreign number could overflow.
        let now = clock.now().seconds
        let tolerance = CallbackHeader.tolerance.components.seconds
        guard (now - tolerance...now + tolerance).contains(time) else { return false }
        let signed = CallbackHeader.signedBytes(time: time, body: body)
        let key = Array(secret.reveal().utf8)
        return codes.contains { HMAC.isValid($0, key: key, message: signed) }
    }
}
