import Kernel
import Subprocess

/// Asks ffprobe how long a piece of sound or film is.
struct MediaProbe: Sendable {
    /// The containers that are looked into. Playlists are not among them: they name other files.
    static let containers =
        "wav,mp3,ogg,flac,aac,aiff,au,amr,caf,w64,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,asf,gif"

    /// What keeps ffmpeg's tools from opening anything but the file they are given.
    static let confinement = ["-protocol_whitelist", "file,pipe", "-format_whitelist", containers]

    private let program: String

    /// The probe, if it is installed.
    static func installed() -> MediaProbe? { InstalledProgram.find(["ffprobe"]).map(MediaProbe.init) }

    private init(program: String) { self.program = program }

    /// The duration of a file in a folder; `nil` for other media, and where it cannot be told.
    func duration(of file: String, mediaType: String, in folder: ScratchFolder) async throws -> Duration? {
        guard mediaType.hasPrefix("audio/") || mediaType.hasPrefix("video/") else { return nil }
        let show = ["-v", "error", "-show_entries", "format=duration", "-of", "default=noprint_wrappers=1:nokey=1"]
        let command = Command(
            program,
            show + MediaProbe.confinement + ["-i", file],
            folder: folder.path,
            limits: ResourceLimits(memoryBytes: 1 << 30, processorSeconds: 20),
            maximumOutputBytes: 65_536,
            timeout: .seconds(30)
        )
        var seconds: Double?
        let ending = try await Subprocess.run(command) { lines in
            for try await line in lines where line.stream == .output { seconds = seconds ?? Double(line.text) }
        }
        guard ending.isSuccess, let seconds, seconds >= 0, seconds < 1e9 else { return nil }
        return .milliseconds(Int64((seconds * 1000).rounded()))
    }
}
