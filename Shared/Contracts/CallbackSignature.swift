/// The headers of a signed callback: `t` is seconds since 1970, `v1` the HMAC-SHA256 of `"<t>.<body>"` in hexadecimal.
public enum CallbackHeader {
    /// `t=<seconds>,v1=<hex>`
    public static let signature = "Martlet-Signature"
    /// The event's id; repeated deliveries have the same.
    public static let idempotencyKey = "Idempotency-Key"
    /// How old a signature may be.
    public static let tolerance = Duration.seconds(300)

    /// What is signed.
    public static func signedBytes(time: Int64, body: [UInt8]) -> [UInt8] { Array("\(time).".utf8) + body }
}
