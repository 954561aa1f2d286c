import Crypto
import HTTPClient
import JSON
import Kernel
import Subprocess
import Testing

@testable import JobQueueService

/// The presets, run by the real programs.
@Suite(.timeLimit(.minutes(1))) struct CommandPresetTests {
    private func run(
        _ kinds: [CommandPreset],
        _ body: @escaping @Sendable (JobQueueFixture) async throws -> Void
    ) async throws {
        let commands = try kinds.map { try $0.kind(maximumBytes: 1 << 28) }
        let scratch = "/tmp/martlet-tests/scratch-\(IdentifierSource().uuid())"
        let provider = CommandProvider(commands, concurrency: 2, scratch: scratch)
        try await JobQueueFixture.run(providers: [("command", provider)]) { fixture in
            try await body(fixture)
            #expect(try FileSystem.names(in: scratch) == [])
        }
    }

    @Test(.enabled(if: InstalledProgram.find(["espeak-ng"]) != nil))
    func `speech yields a WAV file with its facts`() async throws {
        try await run([.speech]) { fixture in
            let id = try await fixture.submit(
                #"{"kind":"speech","params":{"text":"-v looks like an option","voice":"en","speed":200,"pitch":60}}"#
            )
            let job = try await fixture.finished(id)
            #expect(job["status"]?.string == "completed")
            let url = try #require(job["result_url"]?.string)
            let file = try await fixture.file(url)
            #expect(file.headers["Content-Type"] == "audio/wav")
            #expect(file.body.prefix(4).elementsEqual("RIFF".utf8))
            #expect(file.body.dropFirst(8).prefix(4).elementsEqual("WAVE".utf8))
            #expect(job["result"]?["bytes"]?.int == file.body.count)
            #expect(job["result"]?["sha256"]?.string == Hex.encode(SHA256.hash(file.body)))
            #expect(job["result"]?["media_type"]?.string == "audio/wav")
            let seconds = Double(file.body.count - 44) / 44_100
            #expect(abs(Double(job["result"]?["duration_ms"]?.int ?? 0) / 1000 - seconds) < 0.05)
        }
    }

    @Test(.enabled(if: InstalledProgram.find(["magick", "convert"]) != nil))
    func `image yields a PNG of the size asked for, whatever the text looks like`() async throws {
        try await run([.image]) { fixture in
            for text in ["A title", "@/etc/passwd", "-write /tmp/x", "%[fx:1] %w \\\\n &lt; [0] * \\\"quoted\\\""] {
                let id = try await fixture.submit(
                    "{\"kind\":\"image\",\"params\":{\"text\":\"\(text)\",\"width\":320,\"height\":200,\"background\":\"#204060\"}}"
                )
                let job = try await fixture.finished(id)
                #expect(job["status"]?.string == "completed")
                let file = try await fixture.file(try #require(job["result_url"]?.string))
                #expect(file.headers["Content-Type"] == "image/png")
                #expect(Array(file.body.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
                // Width and height in the IHDR chunk, big endian.
                #expect(Array(file.body[16..<24]) == [0, 0, 1, 64, 0, 0, 0, 200])
            }
        }
    }

    @Test(.enabled(if: InstalledProgram.find(["magick", "convert"]) != nil))
    func `text is inert for ImageMagick`() async throws {
        let text = "@/etc/hostname %w %[fx:1+1] %% \\n \\x &lt;b&gt; [0] {a} *? ünï\nnext"
        let kind = try CommandPreset.image.kind(maximumBytes: 1 << 20)
        var caption: [String] = []
        let arguments = ["-font", try #require(CommandPreset.font), "-size", "900x200"]
        let escaped = "caption:" + CommandPreset.escapedForImageMagick(text)
        let command = Command(kind.program, arguments + [escaped, "-format", "%[caption]\n", "info:"], folder: "/tmp")
        let ending = try await Subprocess.run(command) { for try await line in $0 { caption.append(line.text) } }
        #expect(ending.isSuccess)
        #expect(caption.joined(separator: "\n") == text)
    }

    @Test(.enabled(if: InstalledProgram.find(["ffmpeg"]) != nil && InstalledProgram.find(["espeak-ng"]) != nil))
    func `transcode converts the result of another job`() async throws {
        try await run([.speech, .transcode]) { fixture in
            let speech = try await fixture.finished(
                try await fixture.submit(#"{"kind":"speech","params":{"text":"one two three four five six seven"}}"#)
            )
            let digest = try #require(speech["result"]?["sha256"]?.string)
            let length = try #require(speech["result"]?["duration_ms"]?.int)
            let start: [String: [UInt8]] = [
                "mp3": Array("ID3".utf8), "ogg": Array("OggS".utf8), "wav": Array("RIFF".utf8),
                "webm": [0x1A, 0x45, 0xDF, 0xA3],
            ]
            for (format, magic) in start {
                let source =
                    format == "mp3" ? "\"source_url\":\"/api/results/\(digest)\"" : "\"source_sha256\":\"\(digest)\""
                let job = try await fixture.finished(
                    try await fixture.submit("{\"kind\":\"transcode\",\"params\":{\(source),\"format\":\"\(format)\"}}")
                )
                #expect(job["status"]?.string == "completed", "\(format): \(job["error_message"]?.string ?? "")")
                #expect(job["progress"]?["fraction"]?.double == 1)
                let file = try await fixture.file(try #require(job["result_url"]?.string))
                #expect(file.body.starts(with: magic))
                // What ffprobe says of the new file agrees with the old one's length.
                #expect(abs((job["result"]?["duration_ms"]?.int ?? 0) - length) < 150)
            }
        }
    }

    @Test(.enabled(if: InstalledProgram.find(["ffmpeg"]) != nil))
    func `transcode opens no playlist, no other project's file and no unknown one`() async throws {
        try await run([.transcode]) { fixture in
            let playlist = Array("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n".utf8)
            let owner = try await fixture.submit()
            let stored = try await fixture.queue.results.store(
                AsyncStream {
                    $0.yield(playlist); $0.finish()
                },
                mediaType: "audio/wav",
                for: owner
            )
            let body =
                "{\"kind\":\"transcode\",\"max_attempts\":1,\"params\":{\"source_url\":\"\(stored.url)\",\"format\":\"wav\"}}"
            let refused = try await fixture.finished(try await fixture.submit(body))
            #expect(refused["error_code"]?.string == "COMMAND_FAILED")
            #expect(refused["error_message"]?.string?.hasPrefix("exit status") == true)
            #expect(refused["error_message"]?.string?.contains("/tmp/") == false)
            let unknown = String(repeating: "0", count: 64)
            let missing = try await fixture.finished(
                try await fixture.submit(
                    "{\"kind\":\"transcode\",\"params\":{\"source_sha256\":\"\(unknown)\",\"format\":\"wav\"}}"
                )
            )
            #expect(missing["error_code"]?.string == "SOURCE_NOT_FOUND")
            #expect(missing["attempt"]?.int == 1)
        }
    }
}
