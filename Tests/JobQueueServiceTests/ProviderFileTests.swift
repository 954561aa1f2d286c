import HTTPClient
import JSON
import Kernel
import Testing

@testable import JobQueueService

@Suite struct ProviderFileTests {
    @Test func `every mistake of a command file is listed with its place`() {
        let file = CommandProviderFile.read(
            """
            {"kinds":[{"kind":"a","summary":"s","params":{"type":"object","properties":{"x":{"type":"string"}}},
              "program":"tool","arguments":["{y}","{x"],"output":{"file":"../x","media_type":"text/plain"},
              "progress":{"pattern":"no group"}}]}
            """,
            maximumBytes: 1
        )
        #expect(file.items.isEmpty)
        #expect(
            file.problems == [
                "at '/kinds/0/program' must be an absolute path", "at '/kinds/0/output/file' must be a plain name",
                "at '/kinds/0/arguments' has a brace that does not enclose a name",
                "at '/kinds/0/progress/pattern' cannot be used",
            ]
        )
        #expect(CommandProviderFile.read("{]", maximumBytes: 1).problems.count == 1)
        #expect(CommandProviderFile.read(#"{"kinds":[{}],"x":1}"#, maximumBytes: 1).problems.count > 3)
    }

    @Test func `secrets come from the environment, and a missing one is a mistake`() {
        func read(_ environment: [String: String], url: String = "https://a.example/jobs") -> Declarations<HTTPKind> {
            HTTPProviderFile.read(
                """
                {"providers":[{"name":"acme","kind":"k","summary":"s","params":{},
                  "create":{"url":"\(url)","headers":{"Authorization":"Bearer ${KEY}!"},"id":"/id"},
                  "status":{"pointer":"/s","done":["d"],"failed":[]},
                  "webhook":{"secret":"${SECRET}","id":"/id"},"result":{"pointer":"/r","form":"url"}}]}
                """,
                environment: environment,
                maximumBytes: 1
            )
        }
        let complete = ["KEY": "k", "SECRET": "0123456789abcdef"]
        #expect(read(complete).problems == [])
        #expect(
            read(["SECRET": "short"]).problems == [
                "at '/providers/0/create/headers/Authorization' names the variable 'KEY', which is not set",
                "at '/providers/0/webhook/secret' must have at least 16 bytes",
            ]
        )
        #expect(read(complete, url: "https://{host}/jobs").problems.count == 1)
        #expect(read(complete, url: "ftp://a.example/jobs").problems.count == 1)
    }

    @Test func `headers are expanded, values stay within their place in a URL, and bodies keep types`() throws {
        let template = RequestTemplate(
            method: "POST",
            url: try TextTemplate("https://a.example/{id}?q={q}"),
            headers: Secret([("A", "b")]),
            body: RawJSON(#"{"whole":"{n}","gone":"{none}","in":["{q}","<{q}{none}>",1]}"#)
        )
        let values = try JSONDocument(parsing: #"{"id":"../x","q":"a&b c","n":{"deep":[true]}}"#).root
        let named = Dictionary(uniqueKeysWithValues: values.members.map { ($0.name, $0.value) })
        let request = try #require(try template.request(named))
        #expect(request.url == "https://a.example/..%2Fx?q=a%26b%20c")
        guard case .bytes(let body) = request.body else {
            Issue.record("no body")
            return
        }
        #expect(String(decoding: body, as: UTF8.self) == #"{"whole":{"deep":[true]},"in":["a&b c","<a&b c>",1]}"#)
        #expect(try template.request(["q": named["q"] ?? .null]) == nil)
        #expect(RequestTemplate.percentEncoded("..") == "%2E%2E")
    }

    @Test func `a pointer finds members and elements`() throws {
        let root = try JSONDocument(parsing: #"{"a":[{"b/c":5},null],"~":"t"}"#).root
        #expect(JSONPointer("/a/0/b~1c")?.text(in: root) == "5")
        #expect(JSONPointer("/~0")?.text(in: root) == "t")
        #expect(JSONPointer("/a/1")?.value(in: root) == nil)
        #expect(JSONPointer("/a/7")?.value(in: root) == nil)
        #expect(JSONPointer("")?.value(in: root)?.kind == .object)
        #expect(JSONPointer("a") == nil)
    }
}

@Suite struct CommandArgumentTests {
    @Test func `a param becomes one argument and never an option`() throws {
        let list = try ArgumentList([["-w", "out"], ["-s", "{speed}"], ["--title={text}"], ["--"], ["{text}"]])
        #expect(
            try list.filled(["text": "-rf / ; $(id)"])
                == ["-w", "out", "--title=-rf / ; $(id)", "--", "-rf / ; $(id)"]
        )
        #expect(try list.filled(["speed": "5"]) == ["-w", "out", "-s", "5", "--"])
        #expect(throws: TextTemplate.Mistake.self) { try list.filled(["speed": "-x"]) }
        #expect(try TextTemplate("{{a}}").filled([:]) == "{a}")
        for text in ["{", "}", "{}", "{a"] {
            #expect(throws: TextTemplate.Mistake.self) { try TextTemplate(text) }
        }
    }

    @Test func `progress is the first group over the total`() throws {
        let reader = try ProgressPattern("^([0-9.]+)%", total: 100).reader(total: nil)
        #expect(try reader.fraction(in: "12.5% done") == 0.125)
        #expect(try reader.fraction(in: "250%") == 1)
        #expect(try reader.fraction(in: "x 5%") == nil)
        #expect(throws: (any Error).self) { try ProgressPattern("(", total: 1) }
        #expect(throws: (any Error).self) { try ProgressPattern("no group", total: 1) }
    }

    @Test func `messages name no folder of the machine`() {
        #expect(
            CommandFailure.cleaned("open '/var/lib/x/result.wav': No such file\u{1B}[0m")
                == "open 'result.wav': No such file[0m"
        )
        #expect(CommandFailure.cleaned("see https://a.example/b/c and/or") == "see https://a.example/b/c and/or")
    }
}
