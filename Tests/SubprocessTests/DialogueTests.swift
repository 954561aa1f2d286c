import Testing

@testable import Subprocess

/// Programs that are spoken with while they run.
@Suite(.timeLimit(.minutes(1))) struct DialogueTests {
    private let cat = Command("/bin/cat", [], folder: "/tmp", maximumLineBytes: 1 << 20, timeout: .seconds(50))

    @Test func `what is said is heard, one thing after the other, and the end of the input ends the program`()
        async throws
    {
        var heard: [String] = []
        let ending = try await Subprocess.converse(cat) { lines, input in
            for text in ["one", "two", "three"] {
                try await input.write(Array("\(text)\n".utf8))
                heard.append(try await lines.next()?.text ?? "nothing")
            }
            try await input.write(Array("four".utf8))
            input.finish()
            await #expect(throws: ProgramInput.Closed.self) { try await input.write([0x0A]) }
            while let line = try await lines.next() { heard.append(line.text) }
        }
        #expect(heard == ["one", "two", "three", "four"])
        #expect(ending.isSuccess)
    }

    @Test func `writers wait while the program is behind, and their texts are not mixed`() async throws {
        let texts = (0..<40).map { String(repeating: "\($0 % 10)", count: 50_000 + $0) }
        var heard: [String] = []
        let ending = try await Subprocess.converse(cat) { lines, input in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for text in texts { group.addTask { try await input.write(Array("\(text)\n".utf8)) } }
                for _ in texts { heard.append(try await lines.next()?.text ?? "nothing") }
                try await group.waitForAll()
            }
        }
        #expect(Set(heard) == Set(texts))
        #expect(ending.isSuccess)
    }

    @Test func `who writes waits while too much waits already, and can go away`() async throws {
        let channel = InputChannel(capacity: 10)
        try await channel.put(Array("0123456789".utf8))
        let stuck = Task { try await channel.put([0x61]) }
        stuck.cancel()
        await #expect(throws: CancellationError.self) { try await stuck.value }
        let patient = Task { try await channel.put([0x62]) }
        #expect(channel.take() == Array("0123456789".utf8))
        try await patient.value
        #expect(channel.take() == [0x62])
    }

    @Test func `who writes to a program that has ended is told`() async throws {
        let command = Command("/bin/sh", ["-c", "echo gone; exit 4"], folder: "/tmp")
        let ending = try await Subprocess.converse(command) { lines, input in
            while try await lines.next() != nil {}
            await #expect(throws: ProgramInput.Closed.self) {
                while true { try await input.write(Array("is anybody there?\n".utf8)) }
            }
        }
        #expect(ending.status == .exited(4))
    }

    @Test func `few long lines hold a program up as many short ones do`() {
        let channel = LineChannel(capacity: 100, maximumBytes: 1_000)
        channel.append([OutputLine(.output, String(repeating: "a", count: 999))])
        #expect(!channel.isFull)
        channel.append([OutputLine(.output, "b")])
        #expect(channel.isFull)
        channel.discard()
        #expect(!channel.isFull)
    }
}
