import Testing

@testable import JSON

/// Expressions of ECMA-262, and the bound of their time.
@Suite(.timeLimit(.minutes(1))) struct JSONPatternTests {
    @Test(arguments: [
        ("^a+$", ["a", "aaa"], ["", "b", "ab", "a\n"]), ("b", ["abc"], ["ac"]),
        ("^(a|bc)*$", ["", "abca"], ["b", "acb"]),
        ("^.$", ["a", "é", "💬"], ["", "\n", "ab"]), ("^x?y{2,3}z{1,}$", ["yyz", "xyyyzz"], ["xyz", "yyyyz", "yy"]),
        ("^[a-c_\\-\\]]+$", ["a_-]"], ["d"]), ("^[^0-9\\s]+$", ["ab"], ["a1", "a b"]),
        ("^\\d\\D\\w\\W\\s\\S$", ["1a_- x"], ["aa_- x"]),
        ("^\\d$", ["7"], ["٧"]), ("\\bcat\\b", ["a cat."], ["cats"]), ("a\\Bb", ["ab"], ["a b"]),
        ("^\\u0041\\x42\\u{43}\\t\\cA\\.\\/$", ["ABC\t\u{1}./"], ["ABC"]), ("^\\ud83d\\udcac$", ["💬"], ["x"]),
        ("^\\p{Lu}\\p{Letter}\\P{L}$", ["Éa1"], ["éa1", "Éaa"]), ("^[\\p{Nd}\\D]$", ["٧", "a"], []),
        ("(?:)", [""], []), ("^(?<year>\\d{4})$", ["2026"], ["206"]), ("^a{,2}$", ["a{,2}"], ["aa"]),
        ("^(|a)+$", ["", "aa"], ["b"]),
        ("^(a*)*$", ["aaa"], ["b"]), ("$^", [""], ["a"]),
    ])
    func `an expression finds what it should`(source: String, good: [String], bad: [String]) throws {
        let pattern = try JSONPattern(source)
        for text in good { #expect(pattern.matches(text), "\(text)") }
        for text in bad { #expect(!pattern.matches(text), "\(text)") }
    }

    @Test(arguments: [
        "(", ")", "[a", "a**", "*", "\\", "\\a", "[b-a]", "a{2,1}", "(?=a)", "(?<!a)", "(a)\\1", "\\k<n>",
        "\\p{Script=Greek}",
        "a{10001}", "(a{200}){200}", "\\u{110000}", "^*",
    ])
    func `what is no expression, or not bounded, is refused`(source: String) {
        #expect { try JSONPattern(source) } throws: { ($0 as? JSONSchemaError)?.reason == .pattern }
        #expect(throws: JSONSchemaError.self) { try JSONPattern(String(repeating: "(", count: 4_000)) }
    }

    @Test(arguments: ["^(a+)+$", "^(a|a)*$", "^(.*)*$x", "(a*)*b", "^(a|aa)+$", "(x+x+)+y"])
    func `what makes other engines go on for ever ends at once`(source: String) throws {
        let pattern = try JSONPattern(source)
        let text = String(repeating: "a", count: 20_000) + "!"
        // By the length of the text times that of the expression.
        var steps = 4 * source.count * text.count
        #expect(!pattern.matches(text, steps: &steps))
        #expect(steps >= 0)
    }
}
