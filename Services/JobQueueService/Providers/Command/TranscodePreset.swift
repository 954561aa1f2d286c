import Contracts
import Crypto
import JSON
import Kernel
import Subprocess

/// Converts a stored result to another format with ffmpeg.
enum TranscodePreset {
    /// What can be made.
    enum Format: String, CaseIterable, Sendable {
        case mp4, webm, mp3, wav, ogg

        var mediaType: String {
            switch self {
            case .mp4: "video/mp4"
            case .webm: "video/webm"
            case .mp3: "audio/mpeg"
            case .wav: "audio/wav"
            case .ogg: "audio/ogg"
            }
        }

        /// How it is coded.
        var options: [String] {
            switch self {
            // Even sizes and this pixel format are what players everywhere understand.
            case .mp4:
                [
                    "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-vf",
                    "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-c:a", "aac", "-movflags", "+faststart",
                ]
            case .webm:
                ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M", "-c:a", "libopus"]
            case .mp3: ["-vn", "-c:a", "libmp3lame", "-q:a", "2"]
            case .wav: ["-vn", "-c:a", "pcm_s16le"]
            case .ogg: ["-vn", "-c:a", "libvorbis", "-q:a", "5"]
            }
        }
    }

    private static let digest = "[0-9a-f]{64}"

    static func kind(maximumBytes: Int) throws -> CommandKind {
        let program = InstalledProgram.find(["ffmpeg"])
        let probe = MediaProbe.installed()
        return CommandKind(
            name: "transcode",
            summary: "converts a result of another job: ffmpeg",
            params: .object([
                .optional("source_sha256", .string(64...64, pattern: try JSONPattern("^\(digest)$"))),
                .optional(
                    "source_url",
                    .string(1...200, pattern: try JSONPattern("^/api/results/\(digest)$"))
                        .described("the result_url of a job")
                ),
                .required("format", .word(Format.allCases.map(\.rawValue))),
            ]),
            program: program ?? "",
            unavailable: program == nil || probe == nil ? "install the package ffmpeg" : nil,
            arguments: ArgumentList(groups: []),
            output: CommandKind.Output(file: "result", mediaType: "application/octet-stream"),
            progress: try ProgressPattern("^out_time_us=([0-9]+)$", total: 1),
            limits: ResourceLimits(memoryBytes: 8 << 30, processorSeconds: 7200, fileBytes: maximumBytes),
            prepare: { params, lease, folder, attempt, preparation in
                let format = params["format"]?.string.flatMap(Format.init) ?? .mp4
                try await link(params, lease, folder, attempt)
                var preparation = preparation
                let length = try await probe?.duration(of: "source", mediaType: "video/any", in: folder)
                // Without a known length there is no progress to tell: every number is far below this one.
                preparation.progressTotal = length.map { Double(max(1, $0.microseconds)) } ?? .infinity
                let output = CommandKind.Output(file: "result.\(format)", mediaType: format.mediaType)
                preparation.output = output
                preparation.arguments =
                    ["-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1"]
                    + MediaProbe.confinement + ["-i", "source"] + format.options + [output.file]
                return preparation
            }
        )
    }

    /// Puts the source, which the job's project must be allowed to see, into the folder.
    private static func link(
        _ params: JSONElement,
        _ lease: Lease,
        _ folder: ScratchFolder,
        _ attempt: Attempt
    ) async throws {
        let named = params.value("source_sha256")?.string
        let linked = params.value("source_url")?.string.map { String($0.suffix(64)) }
        guard let text = named ?? linked, named == nil || linked == nil || named == linked,
            let digest = Hex.decode(text)
        else {
            throw ProviderFailure(
                code: "INVALID_PARAMS",
                message: "exactly one of source_sha256 and source_url must be given",
                isRetryable: false
            )
        }
        guard let stored = try await attempt.results.find(digest, project: lease.projectID) else {
            throw ProviderFailure(
                code: "SOURCE_NOT_FOUND",
                message: "there is no such result in the job's project",
                isRetryable: false
            )
        }
        try folder.link("source", to: attempt.results.localPath(of: stored))
    }
}
