import Testing

@testable import MartletCommand

/// How arguments are read.
@Suite(.timeLimit(.minutes(1))) struct ArgumentTests {
    static let syntax = CommandSyntax(
        "paint",
        "COLOUR",
        "Paints.",
        operands: 1...2,
        options: [
            .value("size", "N", "how large"), .value("tag", "TAG", "a tag", repeatable: true), .flag("dry", "only say"),
        ]
    )

    @Test(
        arguments: [
            (["red"], ["red"], nil, [], false), (["red", "--size", "3"], ["red"], "3", [], false),
            (["--size=3", "red", "--dry"], ["red"], "3", [], true),
            (["red", "--tag", "a", "--tag=b"], ["red"], nil, ["a", "b"], false),
            (["--", "--dry"], ["--dry"], nil, [], false), (["-", "red"], ["-", "red"], nil, [], false),
            (["red", "--size="], ["red"], "", [], false), (["red", "--size", "--dry"], ["red"], "--dry", [], false),
        ] as [([String], [String], String?, [String], Bool)]
    )
    func `reads what is meant`(
        arguments: [String],
        operands: [String],
        size: String?,
        tags: [String],
        dry: Bool
    ) throws {
        let parsed = try ParsedArguments(arguments, ArgumentTests.syntax)
        #expect(parsed.operands == operands)
        #expect(parsed.value("size") == size)
        #expect(parsed.all("tag") == tags)
        #expect(parsed.has("dry") == dry)
    }

    @Test(
        arguments: [
            ([], "COLOUR is missing"), (["a", "b", "c"], "too many words: c"),
            (["red", "--sise", "3"], "paint has no option --sise"),
            (["red", "--siz"], "paint has no option --siz; did you mean --size?"),
            (["red", "--size"], "--size needs N"), (["red", "--dry=1"], "--dry takes no value"),
            (["red", "--dry", "--dry"], "--dry stands there twice"), (["red", "-x"], "paint has no option -x"),
        ] as [([String], String)]
    )
    func `says what is wrong`(arguments: [String], message: String) {
        #expect(throws: UsageError(message)) { try ParsedArguments(arguments, ArgumentTests.syntax) }
    }

    @Test func `help asks for no words`() throws {
        #expect(try ParsedArguments(["--help"], ArgumentTests.syntax).has("help"))
        #expect(try ParsedArguments(["-h"], ArgumentTests.syntax).has("help"))
    }

    @Test func `numbers are checked`() throws {
        let parsed = try ParsedArguments(["red", "--size", "x"], ArgumentTests.syntax)
        #expect(throws: UsageError("--size must be a whole number from 1 to 9")) { try parsed.int("size", in: 1...9) }
    }

    @Test func `help shows every option`() {
        #expect(
            ArgumentTests.syntax.help == """
                usage: martlet paint COLOUR [options]

                Paints.

                  --size N   how large
                  --tag TAG  a tag (may be repeated)
                  --dry      only say
                  --json     write JSON, one value a line
                  --help     show this

                """
        )
    }

    @Test(
        arguments: [
            (["--params", #"{"a":1,"b":2}"#, "--param", "b=x", "--param", "c=[1]"], #"{"a":1,"b":"x","c":[1]}"#),
            (["--param", "text=hello = world"], #"{"text":"hello = world"}"#), ([], "{}"),
            (["--param", "n=9007199254740993", "--param", "n=7"], #"{"n":7}"#),
        ] as [([String], String)]
    )
    func `params are put together`(arguments: [String], expected: String) throws {
        let command = try SubmitCommand(try ParsedArguments(arguments, SubmitCommand.syntax))
        #expect(String(decoding: command.body, as: UTF8.self) == #"{"params":\#(expected)}"#)
    }

    @Test(arguments: [["--params", "[]"], ["--params", "{"], ["--param", "x"], ["--param", "=1"], ["--card", "x"]])
    func `params that make no sense are refused`(arguments: [String]) {
        #expect(throws: UsageError.self) { try SubmitCommand(try ParsedArguments(arguments, SubmitCommand.syntax)) }
    }
}
