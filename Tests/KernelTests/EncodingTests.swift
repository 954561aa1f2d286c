import Kernel
import Testing

@Suite struct EncodingTests {
    @Test func `hexadecimal round trips`() {
        let bytes = Array(UInt8.min ... .max)
        #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        #expect(Hex.decode("abc") == nil)
        #expect(Hex.decode("zz") == nil)
    }

    @Test func `base 64 URL round trips at every length`() {
        for length in 0..<40 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
    }

    @Test(arguments: ["A", "AA=", "A+", "A/==", "AB C", "AB"])
    func `base 64 URL refuses other text`(text: String) { #expect(Base64URL.decode(text) == nil) }
}
