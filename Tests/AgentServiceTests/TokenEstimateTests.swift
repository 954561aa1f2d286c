import Testing

@testable import AgentService

/// The estimate of tokens beside what tokenizers say.
@Suite struct TokenEstimateTests {
    /// The most tokens that `cl100k_base`, `o200k_base` and Anthropic's published tokenizer make of a text.
    static let samples: [(name: String, text: String, tokens: Int)] = [
        (
            "prose",
            "The harbour lies quiet in the morning. Fishing boats come back with the tide, and the light on the water changes from grey to gold while gulls follow the last of them in.",
            38
        ),
        (
            "german",
            "Der Hafen liegt am Morgen still. Die Fischerboote kommen mit der Flut zurück, und das Licht auf dem Wasser wird golden, während die Möwen den letzten folgen.",
            45
        ),
        ("chinese", "清晨的港口很安静。渔船随着潮水归来,水面上的光从灰色变成金色,海鸥跟着最后一艘船飞进来。", 64),
        ("japanese", "朝の港は静かです。漁船が潮とともに戻り、水面の光は灰色から金色に変わり、カモメが最後の船を追いかけます。", 63),
        (
            "russian",
            "Утром гавань тиха. Рыбацкие лодки возвращаются с приливом, и свет на воде меняется с серого на золотой, пока чайки провожают последнюю из них.",
            77
        ),
        (
            "arabic", "الميناء هادئ في الصباح. تعود قوارب الصيد مع المد ويتغير الضوء على الماء من الرمادي إلى الذهبي.",
            83
        ),
        ("emoji", "🚢🌅🐟✨ ready to ship 🚀🚀 done ✅", 23),
        ("uuid", "01980f3e-7c2a-7d41-9b6e-2f5a8c0d1e37", 31),
        (
            "card",
            #"{"card":{"id":"01980f3e-7c2a-7d41-9b6e-2f5a8c0d1e37","activity":3,"status":"in_progress","title":"Harbour at dawn, wide shot"}}\#n"#,
            58
        ),
        (
            "asset",
            #"{"asset":{"id":"01980f3e-7c2a-7d41-9b6e-2f5a8c0d1e37","card_id":"01980f3e-81b0-7aa3-8c11-90fe3d2b4a56","is_approved":true,"untrusted":{"url":"/api/results/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","media_type":"image/png","note":"Keep the colours."}}}\#n"#,
            146
        ),
        (
            "job",
            #"{"job":{"id":"01980f3e-7c2a-7d41-9b6e-2f5a8c0d1e37","card_id":"01980f3e-81b0-7aa3-8c11-90fe3d2b4a56","kind":"image","status":"failed","untrusted":{"error_code":"PROVIDER_TIMEOUT","error":"no answer from 10.0.0.7:8443 within 30000 ms (attempt 3/3)"}}}\#n"#,
            117
        ),
        (
            "swift",
            "func fit(_ messages: [Message], budget: Int) throws -> Fit {\n    let isCut = cuts(in: messages)\n    var tokens = messages.reduce(0) { $0 + $1.tokens }\n    return Fit(tokens)\n}\n",
            55
        ),
        ("digits", "3.14159265358979323846264338327950288419716939937510582097494459", 28),
        ("hex", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 44),
        (
            "base64",
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", 54
        ),
        ("caps", "WARNING: DO NOT IGNORE THE FOLLOWING NOTICE BEFORE PROCEEDING WITH THE INSTALLATION", 23),
        (
            "schema",
            #"{"type":"object","properties":{"id":{"type":"string","minLength":36,"maxLength":36,"format":"uuid"},"budget":{"type":["integer","null"],"minimum":0,"maximum":1000000}},"required":["id"],"additionalProperties":false}"#,
            58
        ),
    ]

    @Test(arguments: samples) func `an estimate is at most a fifth too low, and not twice too high`(
        name: String,
        text: String,
        tokens: Int
    ) {
        let estimate = TokenEstimate.tokens(in: text.utf8.span)
        #expect(5 * estimate >= 4 * tokens, "\(name)")
        #expect(estimate <= 2 * tokens, "\(name)")
    }

    @Test func `the parts of a text never cost less than the whole`() {
        let lines = TokenEstimateTests.samples.map { $0.text + "\n" }
        let whole = TokenEstimate.tokens(in: lines.joined().utf8.span)
        #expect(lines.reduce(0) { $0 + TokenEstimate.tokens(in: $1.utf8.span) } >= whole)
        #expect(TokenEstimate.tokens(in: [UInt8]().span) == 0)
    }
}
