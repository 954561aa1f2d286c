import Kernel
import Settings
import Testing

@Suite struct SettingsReaderTests {
    enum Mode: String, CaseIterable { case development, production }

    func reader(_ environment: [String: String], files: [String: String] = [:]) -> SettingsReader {
        struct Missing: Error {}
        return SettingsReader(environment: environment) { path in
            guard let text = files[path] else { throw Missing() }
            return text
        }
    }

    @Test func `reads typed values and falls back`() {
        var settings = reader(["PORT": "8081", "ENVIRONMENT": "Production", "FLAG": "on", "EMPTY": ""])
        let port = settings.int("PORT", "port", default: 1, in: 0...65_535)
        let mode = settings.choice("ENVIRONMENT", "mode", default: Mode.development)
        let flag = settings.flag("FLAG", "flag", default: false)
        let empty = settings.string("EMPTY", "empty", default: "x")
        let wait = settings.milliseconds("WAIT_MS", "wait", default: 20, in: 0...100)
        let nothing = settings.optionalString("NOTHING", "nothing")
        #expect(port == 8081)
        #expect(mode == .production)
        #expect(flag)
        #expect(empty == "x")
        #expect(wait == .milliseconds(20))
        #expect(nothing == nil)
        #expect(settings.problems == [])
        #expect(
            settings.entries.map(\.origin) == [
                "environment", "environment", "environment", "default", "default", "default",
            ]
        )
    }

    @Test func `what stands before the host of a URL is not shown`() {
        var reader = SettingsReader(environment: ["A": "http://me:pa@ss@h/p?q=@", "B": "http://h/x@y", "C": "x@y"])
        for name in ["A", "B", "C"] { _ = reader.optionalString(name, "a URL") }
        #expect(reader.entries.map(\.shown) == ["http://•••@h/p?q=@", "http://h/x@y", "x@y"])
    }

    @Test func `lists every mistake`() {
        var settings = reader(
            ["PORT": "http", "SIZE": "11", "MODE": "test", "BOTH": "a", "BOTH_FILE": "/f", "GONE_FILE": "/g"],
            files: ["/f": "b"]
        )
        _ = settings.int("PORT", "port", default: 1, in: 0...10)
        _ = settings.int("SIZE", "size", default: 1, in: 0...10)
        _ = settings.choice("MODE", "mode", default: Mode.development)
        _ = settings.string("BOTH", "both")
        _ = settings.string("GONE", "gone", default: "")
        _ = settings.string("NEEDED", "what it is for")
        settings.refuse("PORT and SIZE do not go together")
        #expect(
            settings.problems == [
                "PORT must be a whole number from 0 to 10", "SIZE must be a whole number from 0 to 10",
                "MODE must be one of development, production", "BOTH and BOTH_FILE are both set: keep one",
                "GONE_FILE names a file that cannot be read", "NEEDED is not set: what it is for",
                "PORT and SIZE do not go together",
            ]
        )
    }

    @Test func `secrets come from files without their line end, and are never shown`() {
        var settings = reader(["TOKEN_FILE": "/token", "KEY": "fugu"], files: ["/token": "swordfish\n"])
        let token = settings.secret("TOKEN", "token")
        #expect(token.reveal() == "swordfish")
        #expect(settings.optionalSecret("KEY", "key")?.reveal() == "fugu")
        #expect(settings.entries.map(\.shown) == ["•••", "•••"])
        #expect(settings.entries.map(\.origin) == ["file", "environment"])
    }
}
