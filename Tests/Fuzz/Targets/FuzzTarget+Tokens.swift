import Crypto
import Kernel

extension FuzzTarget {
    private static let secret = Secret(Array("0123456789abcdef0123456789abcdef".utf8))
    private static let now = WallClock { Timestamp(microseconds: 1_700_000_000_000_000) }
    private static let claims =
        #"{"iss":"i","aud":["martlet","x"],"sub":"u","exp":1700000100,"nbf":1699999999.5,"scope":"jobs:read","jti":"1"}"#

    private static func token(_ header: String, _ payload: String) -> String {
        let message = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(payload.utf8))
        let code = HMAC.sha256(key: secret.reveal(), message: Array(message.utf8))
        return message + "." + Base64URL.encode(code)
    }

    /// A changed token is refused, and claims of any kind, well signed, are judged without harm.
    static let jsonWebToken = FuzzTarget(
        "json-web-token",
        [claims, #"{"exp":1e300,"iss":"i","aud":"martlet"}"#, #"{"exp":-9e18,"nbf":9223372036854775807,"aud":[]}"#]
    ) { input, random in
        let keys = KeySet([try .secret(secret)])
        let expected = JWT.Expectations(issuer: "i", audience: "martlet")
        let good = token(#"{"alg":"HS256","typ":"JWT"}"#, claims)
        let changed = random.input(from: [Array(good.utf8)], atMost: 10_000)
        let text = String(decoding: changed, as: UTF8.self)
        if isAccepted(text, keys, expected), text != good { throw Broken("a changed token is accepted: \(text)") }
        guard isAccepted(good, keys, expected) else { throw Broken("a good token is refused") }
        return isAccepted(token(#"{"alg":"HS256"}"#, String(decoding: input, as: UTF8.self)), keys, expected)
    }

    private static func isAccepted(_ token: String, _ keys: KeySet, _ expected: JWT.Expectations) -> Bool {
        do throws(JWTError) {
            let claims = try JWT.verify(token, by: keys, as: expected, clock: now)
            // What is accepted can be shown.
            return claims.expiresAt?.description.isEmpty == false
        } catch {
            return false
        }
    }

    static let keySet = FuzzTarget(
        "key-set",
        [
            #"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","alg":"EdDSA","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
            #"{"keys":[{"kty":"EC","crv":"P-256","kid":"b","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
            #"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"c"},{"kty":"oct","k":"AAAA"}]}"#,
        ]
    ) { input, _ in
        do throws(JWTError) {
            return try !KeySet(jwks: input).keys.isEmpty
        } catch {
            return false
        }
    }
}
