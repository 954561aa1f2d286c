import Crypto
import Kernel
import Testing

@Suite(.timeLimit(.minutes(1))) struct JWTTests {
    /// A moment at which the tokens of `PyJWTVectors` are valid.
    private let during = WallClock { Timestamp(microseconds: 1_700_000_001_000_000) }
    private let expected = JWT.Expectations(issuer: "https://id.example.org", audience: "martlet")

    private func clock(_ second: Int64) -> WallClock { WallClock { Timestamp(microseconds: second * 1_000_000) } }

    private func secretKeys() throws -> KeySet {
        KeySet([try .secret(Secret(Array(PyJWTVectors.secret.utf8)))])
    }

    private func jwks() throws -> KeySet { try KeySet(jwks: Array(PyJWTVectors.jwks.utf8)) }

    /// A token with this header and payload, signed with the shared secret.
    private func signed(_ header: String, _ payload: String) -> String {
        let message = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(payload.utf8))
        let code = HMAC.sha256(key: Array(PyJWTVectors.secret.utf8), message: Array(message.utf8))
        return message + "." + Base64URL.encode(code)
    }

    private func refusal(_ token: String, by keys: KeySet, at second: Int64 = 1_700_000_001) -> JWTError? {
        do throws(JWTError) {
            _ = try JWT.verify(token, by: keys, as: expected, clock: clock(second))
            return nil
        } catch {
            return error
        }
    }

    @Test func `tokens of another library verify, by configured keys and by a key set`() throws {
        let pems = [PyJWTVectors.rsaPublicKey, PyJWTVectors.p256PublicKey, PyJWTVectors.ed25519PublicKey]
        let configured = KeySet(
            [try .secret(Secret(Array(PyJWTVectors.secret.utf8)))] + (try pems.map { try .publicKey(pem: $0) })
        )
        for token in [PyJWTVectors.hs256, PyJWTVectors.rs256, PyJWTVectors.es256, PyJWTVectors.edDSA] {
            let claims = try JWT.verify(token, by: configured, as: expected, clock: during)
            #expect(claims.subject == "user-1")
            #expect(claims.audience == ["martlet", "other"])
            #expect(claims.scopes == ["jobs:submit", "jobs:read"])
            #expect(claims.id == "t-1")
            #expect(claims.expiresAt == Timestamp(microseconds: 1_700_003_600_000_000))
        }
        for token in [PyJWTVectors.rs256, PyJWTVectors.es256, PyJWTVectors.edDSA] {
            #expect(try JWT.verify(token, by: jwks(), as: expected, clock: during).subject == "user-1")
        }
    }

    @Test(arguments: [1, 127, 129, 511, 512, 513, 2000])
    func `a header or a key set that is nested deeply, or cut off, is refused`(_ depth: Int) throws {
        let keys = try secretKeys()
        let open = String(repeating: "[", count: depth)
        for text in [open, open + String(repeating: "]", count: depth), #"{"alg":"# + open, open + "\n\n\u{1F600}"] {
            #expect(refusal(Base64URL.encode(Array(text.utf8)) + ".e30.AA", by: keys) == .malformed)
            #expect(throws: JWTError.invalidKeySet) { try KeySet(jwks: Array(text.utf8)) }
        }
    }

    // RFC 7515 A.1 and A.2 and A.3: the same payload under HS256, RS256 and ES256; RFC 8037 A.4 has no claims.
    @Test func `the examples of RFC 7515 verify`() throws {
        let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let key = try #require(
            Base64URL.decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
        )
        let hs256 =
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload
            + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        let joe = JWT.Expectations(issuer: "joe")
        let claims = try JWT.verify(hs256, by: KeySet([.secret(Secret(key))]), as: joe, clock: clock(1_300_819_379))
        #expect(claims.issuer == "joe")

        let es256 =
            "eyJhbGciOiJFUzI1NiJ9." + payload
            + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        let jwks = #"""
            {"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}
            """#
        let keys = try KeySet(jwks: Array(jwks.utf8))
        #expect(try JWT.verify(es256, by: keys, as: joe, clock: clock(1_300_819_379)).issuer == "joe")
        #expect(throws: JWTError.expired) { try JWT.verify(es256, by: keys, as: joe, clock: clock(1_300_819_410)) }
    }

    // RFC 8037 A.1–A.4: key, and a signature whose payload is text and not claims.
    @Test func `the Ed25519 example of RFC 8037 gets past the signature`() throws {
        let jwks = #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#
        let token =
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
            + "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        let keys = try KeySet(jwks: Array(jwks.utf8))
        #expect(refusal(token, by: keys) == .malformed)
        #expect(refusal(token.replacing("hgyY0", with: "hgyY1"), by: keys) == .badSignature)
    }

    @Test(arguments: [
        PyJWTVectors.hs256, PyJWTVectors.rs256, PyJWTVectors.es256, PyJWTVectors.edDSA,
    ])
    func `a token changed anywhere is refused`(token: String) throws {
        let keys = KeySet(try secretKeys().keys + jwks().keys)
        #expect(refusal(token, by: keys) == nil)
        let bytes = Array(token.utf8)
        for index in stride(from: 0, to: bytes.count, by: 7) {
            var changed = bytes
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(refusal(String(decoding: changed, as: UTF8.self), by: keys) != nil, "byte \(index)")
        }
        #expect(refusal(String(token.dropLast()), by: keys) != nil)
        #expect(refusal(token + "A", by: keys) != nil)
    }

    @Test func `no signature, and a public key used as a secret, are refused`() throws {
        #expect(refusal(PyJWTVectors.unsigned, by: try secretKeys()) == .unsupportedAlgorithm)
        #expect(refusal(signed(#"{"alg":"nOnE"}"#, "{}"), by: try secretKeys()) == .unsupportedAlgorithm)
        #expect(refusal(PyJWTVectors.confused, by: try jwks()) == .algorithmMismatch)
        #expect(throws: JWTError.invalidKey) {
            try VerificationKey.secret(Secret(Array(PyJWTVectors.rsaPublicKey.utf8)))
        }
    }

    @Test func `an unknown key id, a key of another algorithm and an unknown extension are refused`() throws {
        let named = KeySet([try .secret(Secret(Array(PyJWTVectors.secret.utf8)), id: "k1")])
        #expect(refusal(signed(#"{"alg":"HS256","kid":"k2"}"#, "{}"), by: named) == .unknownKey)
        #expect(refusal(signed(#"{"alg":"ES256","kid":"k1"}"#, "{}"), by: named) == .algorithmMismatch)
        #expect(refusal(signed(#"{"alg":"HS256","crit":["x"]}"#, "{}"), by: named) == .unsupportedHeader)
        #expect(refusal(PyJWTVectors.hs256, by: KeySet([])) == .unknownKey)
        let other = KeySet([try .secret(Secret([UInt8](repeating: 7, count: 32)))])
        #expect(refusal(PyJWTVectors.hs256, by: other) == .badSignature)
    }

    @Test(arguments: [
        "", ".", "..", "a.b", "a.b.c.d", "e30.e30.", "e30=.e30=.AA==", "e30+.e30/.AAAA", "é.é.é", "W10.e30.AAAA",
    ])
    func `what is no token is malformed`(token: String) throws {
        #expect(refusal(token, by: try secretKeys()) == .malformed)
    }

    @Test(arguments: [
        #"{"exp":1700003600,"exp":9999999999}"#, #"{"exp":"1700003600"}"#, #"{"exp":1e300}"#, #"{"exp":-1}"#,
        #"{"aud":7}"#, #"{"aud":["a",7]}"#, #"{"iss":7}"#, #"[1]"#, #""text""#, "{", "", #"{"\u0065xp":1}"#, "null",
    ])
    func `claims that are odd or ambiguous are malformed`(payload: String) throws {
        #expect(refusal(signed(#"{"alg":"HS256"}"#, payload), by: try secretKeys()) == .malformed)
        let odd = signed(#"{"alg":"none","alg":"HS256"}"#, "{}")
        #expect([.malformed, .unsupportedAlgorithm].contains(refusal(odd, by: try secretKeys())))
    }

    @Test func `a large token is not looked at`() throws {
        let token = String(repeating: "A", count: 8193)
        #expect(refusal(token, by: try secretKeys()) == .tooLarge)
    }

    @Test func `times are judged with the leeway, and not beyond it`() throws {
        let keys = try secretKeys()
        #expect(refusal(PyJWTVectors.hs256, by: keys, at: 1_700_003_629) == nil)
        #expect(refusal(PyJWTVectors.hs256, by: keys, at: 1_700_003_630) == .expired)
        #expect(refusal(PyJWTVectors.hs256, by: keys, at: 1_699_999_970) == nil)
        #expect(refusal(PyJWTVectors.hs256, by: keys, at: 1_699_999_969) == .notYetValid)
    }

    @Test func `issuer, audience and end are required and compared`() throws {
        let keys = try secretKeys()
        func refusal(of payload: String) -> JWTError? { self.refusal(signed(#"{"alg":"HS256"}"#, payload), by: keys) }
        let good = #""exp":1700003600,"iss":"https://id.example.org","aud":"martlet""#
        #expect(refusal(of: "{\(good)}") == nil)
        #expect(refusal(of: "{}") == .missingClaim("exp"))
        #expect(refusal(of: #"{"exp":null}"#) == .missingClaim("exp"))
        #expect(refusal(of: #"{"exp":1700003600}"#) == .missingClaim("iss"))
        #expect(refusal(of: #"{"exp":1700003600,"iss":"https://id.example.org"}"#) == .missingClaim("aud"))
        #expect(refusal(of: "{\(good.replacing("org", with: "com"))}") == .wrongIssuer)
        #expect(refusal(of: "{\(good.replacing("martlet", with: "martlet2"))}") == .wrongAudience)
    }

    @Test func `our own tokens verify`() throws {
        let claims = JWTClaims(
            issuer: "https://id.example.org",
            subject: "notification-service",
            audience: ["martlet"],
            expiresAt: Timestamp(microseconds: 1_700_000_060_000_000),
            issuedAt: Timestamp(microseconds: 1_700_000_000_000_000),
            scopes: ["events:read"]
        )
        let secret = try SigningKey.secret(Secret(Array(PyJWTVectors.secret.utf8)), id: "k1")
        let byName = KeySet([try .secret(Secret(Array(PyJWTVectors.secret.utf8)), id: "k1")])
        #expect(try JWT.verify(JWT.sign(claims, with: secret), by: byName, as: expected, clock: during) == claims)
        let ed25519 = try SigningKey.ed25519(pem: Secret(PyJWTVectors.ed25519PrivateKey), id: "d1")
        #expect(try JWT.verify(JWT.sign(claims, with: ed25519), by: jwks(), as: expected, clock: during) == claims)
    }

    @Test func `weak, foreign and broken keys are refused`() throws {
        for pem in [PyJWTVectors.weakRSAPublicKey, PyJWTVectors.p384PublicKey, "", "-----BEGIN PUBLIC KEY-----"] {
            #expect(throws: JWTError.invalidKey) { try VerificationKey.publicKey(pem: pem) }
        }
        #expect(throws: JWTError.invalidKey) { try VerificationKey.secret(Secret([1, 2, 3])) }
        #expect(throws: JWTError.invalidKey) { try SigningKey.secret(Secret([1, 2, 3])) }
        #expect(throws: JWTError.invalidKey) { try SigningKey.ed25519(pem: Secret(PyJWTVectors.ed25519PublicKey)) }
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"keys":[]}"#, #"{"keys":{}}"#, #"{"keys":[{"kty":"oct","k":"AAAA"}]}"#,
        #"{"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}]}"#,
        #"{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}]}"#,
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}"#, #"{"keys":[{"kty":"OKP","crv":"X25519","x":"AAAA"}]}"#,
        #"{"keys":[],"keys":[]}"#,
    ])
    func `a document without a usable key is no key set`(json: String) {
        #expect(throws: JWTError.invalidKeySet) { try KeySet(jwks: Array(json.utf8)) }
    }

    @Test func `symmetric and unknown keys of a key set are skipped`() throws {
        #expect(try jwks().keys.map(\.id) == ["r1", "e1", "d1"])
    }

    @Test func `a secret does not show when keys are printed`() throws {
        let key = try VerificationKey.secret(Secret(Array(PyJWTVectors.secret.utf8)), id: "k1")
        var text = ""
        dump(key, to: &text)
        #expect(!"\(text) \(key)".contains("48"))
    }
}
