import Kernel
import Testing

@testable import Crypto

@Suite(.timeLimit(.minutes(1))) struct PrimitiveTests {
    private func bytes(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }

    // FIPS 180-4 examples, and a million times "a".
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func `SHA-256 is the published digest, at once and in pieces`(text: String, digest: String) {
        #expect(Hex.encode(SHA256.hash(Array(text.utf8))) == digest)
        var hash = SHA256()
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: 777) {
            hash.update(bytes[start..<min(start + 777, bytes.count)])
        }
        #expect(Hex.encode(hash.finish()) == digest)
    }

    // RFC 4231, test cases 1, 2, 3 and 6.
    @Test(arguments: [
        (
            String(repeating: "0b", count: 20), "4869205468657265",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            String(repeating: "aa", count: 20), String(repeating: "dd", count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            String(repeating: "aa", count: 131),
            "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func `HMAC-SHA-256 is the published code`(key: String, message: String, code: String) throws {
        let (key, message, code) = (try bytes(key), try bytes(message), try bytes(code))
        #expect(HMAC.sha256(key: key, message: message) == code)
        #expect(HMAC.isValid(code, key: key, message: message))
        for index in code.indices {
            var wrong = code
            wrong[index] ^= 1
            #expect(!HMAC.isValid(wrong, key: key, message: message))
        }
        #expect(!HMAC.isValid(Array(code.dropLast()), key: key, message: message))
    }

    @Test func `an empty key and an empty message have a code`() throws {
        let code = try bytes("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
        #expect(HMAC.sha256(key: [], message: []) == code)
    }

    // The Galois/Counter Mode of Operation (McGrew, Viega), test cases 13, 14 and 16, as used by NIST.
    @Test(arguments: [
        (
            String(repeating: "00", count: 32), String(repeating: "00", count: 12), "", "", "",
            "530f8afbc74536b9a963b4f1c4cb738b"
        ),
        (
            String(repeating: "00", count: 32), String(repeating: "00", count: 12),
            String(repeating: "00", count: 16), "", "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919"
        ),
        (
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
                + "b16aedf5aa0de657ba637b39",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
                + "c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b"
        ),
    ])
    func `AES-256-GCM is the published ciphertext`(
        key: String,
        nonce: String,
        plain: String,
        data: String,
        cipher: String,
        tag: String
    ) throws {
        let sealed = try AESGCM.seal(bytes(plain), key: bytes(key), nonce: bytes(nonce), associatedData: bytes(data))
        #expect(Hex.encode(sealed) == nonce + cipher + tag)
        #expect(try AESGCM.open(sealed, key: bytes(key), associatedData: bytes(data)) == bytes(plain))
    }

    @Test func `a sealed value opens only whole, with its key and its associated data`() throws {
        let key = SecureRandom.bytes(32)
        let sealed = try AESGCM.seal(Array("secret".utf8), key: key, associatedData: Array("row 1".utf8))
        #expect(try AESGCM.open(sealed, key: key, associatedData: Array("row 1".utf8)) == Array("secret".utf8))
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 0x10
            #expect(throws: CryptoError.notAuthentic) {
                try AESGCM.open(changed, key: key, associatedData: Array("row 1".utf8))
            }
        }
        #expect(throws: CryptoError.notAuthentic) {
            try AESGCM.open(sealed, key: key, associatedData: Array("row 2".utf8))
        }
        #expect(throws: CryptoError.notAuthentic) {
            try AESGCM.open(sealed, key: SecureRandom.bytes(32), associatedData: Array("row 1".utf8))
        }
        for length in [0, 11, 27, sealed.count - 1] {
            #expect(throws: CryptoError.notAuthentic) {
                try AESGCM.open(Array(sealed.prefix(length)), key: key, associatedData: Array("row 1".utf8))
            }
        }
        #expect(throws: CryptoError.invalidKey) { try AESGCM.seal([1], key: SecureRandom.bytes(16)) }
    }

    @Test func `no nonce comes twice`() throws {
        let key = SecureRandom.bytes(32)
        let nonces = try (0..<1000).map { _ in Array(try AESGCM.seal([], key: key).prefix(12)) }
        #expect(Set(nonces).count == 1000)
    }

    @Test(arguments: [
        ("00", "3006020100020100"), ("7f", "300602017f020100"), ("80", "30070202008002 0100"),
    ])
    func `a raw signature becomes the shortest DER`(last: String, der: String) throws {
        let raw = [UInt8](repeating: 0, count: 31) + (try bytes(last)) + [UInt8](repeating: 0, count: 32)
        #expect(ECDSASignature.der(fromRaw: raw) == (try bytes(der.replacing(" ", with: ""))))
        #expect(ECDSASignature.der(fromRaw: Array(raw.dropLast())) == nil)
    }

    @Test(arguments: [
        (#"{"a":1,"b":{"a":2}}"#, false), (#"{"a":1, "a" :2}"#, true), (#"{"x":[{"b":1},{"b":2}]}"#, false),
        (#"{"x":[{"b":1,"b":2}]}"#, true), (#"{"a":"a","b":"a:"}"#, false), (#"{"\u0061":1}"#, true),
        (#"{"a":"\"a\":","c":"\\"}"#, false), (#"[]"#, false),
    ])
    func `members that repeat are found`(json: String, repeats: Bool) {
        #expect(JSONMembers.repeats(in: Array(json.utf8)) == repeats)
    }
}
