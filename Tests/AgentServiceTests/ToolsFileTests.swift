import Contracts
import HTTPClient
import JSON
import Kernel
import MCPClient
import Subprocess
import Testing

@testable import AgentService

/// The file of other people's tools: what it may say, and how mistakes in it are told.
@Suite struct ToolsFileTests {
    private func read(_ text: String, _ environment: [String: String] = [:]) -> ToolsFile {
        ToolsFile(text, environment: environment, version: "1")
    }

    /// A tool with these further, or other, members.
    static func tool(
        _ more: String = "",
        name: String = "find",
        url: String = "https://desk.example/t/{n}",
        effect: String = "read"
    ) -> String {
        let input = #"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#
        return
            #"{"name":"\#(name)","summary":"Finds.","input":\#(input),"effect":"\#(effect)","url":"\#(url)"\#(more)}"#
    }

    @Test func `what is not said has the meaning that the page of tools gives it`() throws {
        let file = read(
            """
            {"http_tools":[\(ToolsFileTests.tool()),
              \(ToolsFileTests.tool(#","method":"POST""#, name: "post", effect: "write"))],
             "mcp_servers":[{"name":"wiki","url":"https://wiki.example/mcp"},{"name":"files","command":"/bin/cat"}]}
            """
        )
        #expect(file.problems == [])
        let (get, post) = (try #require(file.httpTools.first), try #require(file.httpTools.last))
        #expect(get.isIdempotent && !get.honoursKey && !get.sendsArguments && get.title == "find")
        #expect(!post.isIdempotent && post.sendsArguments && post.effect == .write)
        #expect(get.timeout == .seconds(30) && get.maximumBytes == 262_144 && get.addresses == .publicOnly)
        let (wiki, files) = (try #require(file.servers.first), try #require(file.servers.last))
        guard case .http(_, _, .publicOnly) = wiki.settings.way, case .program(let command) = files.settings.way else {
            Issue.record("other ways")
            return
        }
        #expect(command.environment == [:] && command.folder == "/")
        #expect(wiki.timeout == .seconds(60) && wiki.allowed == nil && !wiki.trustsAnnotations)
    }

    @Test func `every mistake is named at its place`() {
        func server(_ more: String) -> String { #"{"mcp_servers":[{"name":"wiki"\#(more)}]}"# }
        func tools(_ tools: String...) -> String { #"{"http_tools":[\#(tools.joined(separator: ","))]}"# }
        func tool(_ more: String, _ name: String, _ url: String) -> String {
            ToolsFileTests.tool(more, name: name, url: url)
        }
        let cases: [(text: String, place: String, reason: String)] = [
            ("{", "", "is not JSON"), (#"{"tools":[]}"#, "/tools", ""), (#"{"http_tools":{}}"#, "/http_tools", ""),
            (tools(tool(#","colour":1"#, "find", "https://a.b/{n}")), "/http_tools/0/colour", ""),
            (tools(tool("", "find it", "https://a.b/{n}")), "/http_tools/0/name", "must be 1 to 64 letters"),
            (tools(tool("", "find", "https://a.b/{m}")), "/http_tools/0/url", "names 'm'"),
            (tools(tool("", "find", "https://{n}.b/")), "/http_tools/0/url", "host without places"),
            (tools(tool("", "find", "ftp://a.b/{n}")), "/http_tools/0/url", "must begin with http"),
            (tools(tool("", "find", "https://a.b/{n")), "/http_tools/0/url", "brace"),
            (
                tools(tool(#","headers":{"A":"${NOT_SET}"}"#, "find", "https://a.b/{n}")), "/http_tools/0/headers/A",
                "names the variable 'NOT_SET'"
            ),
            (tools(tool(#","timeout_ms":1"#, "find", "https://a.b/{n}")), "/http_tools/0/timeout_ms", ""),
            (tools(tool(#","scope":"all""#, "find", "https://a.b/{n}")), "/http_tools/0/scope", ""),
            (tools(tool("", "find", "https://a.b/"), tool("", "find", "https://a.b/")), "", "'find' more than once"),
            (
                tools(ToolsFileTests.tool().replacing(#""type":"object","#, with: "")), "/http_tools/0/input/type",
                "object"
            ),
            (server(""), "/mcp_servers/0", "either url or command"),
            (server(#","url":"https://a.b","command":"/a""#), "/mcp_servers/0", "either url or command"),
            (server(#","command":"bin/x""#), "/mcp_servers/0/command", "absolute path"),
            (server(#","url":"https://a.b","arguments":[]"#), "/mcp_servers/0/arguments", "programs only"),
            (server(#","command":"/a","headers":{}"#), "/mcp_servers/0/headers", "with a url only"),
            (server(#","url":"https://a.b","effects":{"t":"harmless"}"#), "/mcp_servers/0/effects/t", ""),
            (
                #"{"mcp_servers":[{"name":"a__b","url":"https://a.b"}]}"#, "/mcp_servers/0/name", "single '_'"
            ),
            (
                #"{"http_tools":[\#(ToolsFileTests.tool(name: "wiki__x"))],"mcp_servers":[{"name":"wiki","url":"https://a.b"}]}"#,
                "", "how tools of 'wiki' are called"
            ),
        ]
        for (text, place, reason) in cases {
            let problems = read(text).problems
            let isNamed = problems.contains { $0.contains(place.isEmpty ? "" : "'\(place)'") && $0.contains(reason) }
            #expect(isNamed, "\(text): \(problems)")
        }
    }

    @Test func `secrets come from the environment, and are taken out of answers`() throws {
        let file = read(
            """
            {"http_tools":[\(ToolsFileTests.tool(#","headers":{"Authorization":"Bearer ${DESK}"}"#))],
             "mcp_servers":[{"name":"files","command":"/bin/cat","environment":{"KEY":"${FILES}"}}]}
            """,
            ["DESK": "desk-secret", "FILES": "files-secret"]
        )
        #expect(file.problems == [])
        let tool = try #require(file.httpTools.first)
        let arguments = ["n": try JSONDocument(parsing: "7").root]
        let request = try #require(try tool.request.request(arguments))
        #expect(request.headers.contains { $0 == ("Authorization", "Bearer desk-secret") })
        #expect(request.url == "https://desk.example/t/7")
        #expect(tool.mask.applied(to: "your desk-secret is bad") == "your ••• is bad")
        guard case .program(let command) = file.servers.first?.settings.way else {
            Issue.record("no program")
            return
        }
        #expect(command.environment == ["KEY": "files-secret"])
    }

    @Test func `names of servers' tools fit everywhere, and are always the same`() {
        #expect(RemoteToolName.of("search", at: "wiki") == "wiki__search")
        #expect(RemoteToolName.of("a.b", at: "wiki") == RemoteToolName.of("a.b", at: "wiki"))
        let names = [
            "search", "a.b", "a/b", "a_b", String(repeating: "x", count: 128), String(repeating: "x", count: 127) + "y",
        ]
        let known = names.map { RemoteToolName.of($0, at: "wiki") }
        #expect(Set(known).count == names.count)
        for name in known { #expect(ToolRegistry.isName(name) && name.hasPrefix("wiki__"), "\(name)") }
        for name in ["wiki", "my-wiki", "a_b"] { #expect(RemoteToolName.isServer(name)) }
        for name in ["", "a__b", "a_", "a b", String(repeating: "a", count: 25)] {
            #expect(!RemoteToolName.isServer(name), "\(name)")
        }
    }

    @Test func `an effect is what the file says, else what a trusted server says, else the worst`() throws {
        func effect(_ more: String) throws -> [Tool.Effect] {
            let file = read(#"{"mcp_servers":[{"name":"wiki","url":"https://a.b"\#(more)}]}"#)
            let server = try #require(file.servers.first)
            return ["reads", "writes"].map { name in server.effect(of: name, isReadOnly: name == "reads") }
        }
        #expect(try effect("") == [.irreversible, .irreversible])
        #expect(try effect(#","trusted_annotations":true"#) == [.read, .irreversible])
        #expect(try effect(#","effects":{"writes":"write","reads":"write"}"#) == [.write, .write])
        #expect(try effect(#","trusted_annotations":true,"effects":{"reads":"irreversible"}"#)[0] == .irreversible)
    }
}
