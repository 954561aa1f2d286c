import Kernel
import Testing

@Suite struct SecretTests {
    @Test func `never shows its value`() {
        let secret = Secret("swordfish")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in [
            "\(secret)", String(describing: secret), String(reflecting: secret), String(describing: [secret]), dumped,
        ] {
            #expect(!text.contains("swordfish"))
        }
        #expect(secret.reveal() == "swordfish")
    }
}
