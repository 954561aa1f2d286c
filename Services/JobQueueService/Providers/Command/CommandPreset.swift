import Contracts
import Crypto
import HTTPClient
import JSON
import Kernel
import Subprocess

/// The kinds that work out of the box where their program is installed.
enum CommandPreset: String, CaseIterable, Sendable {
    case speech, image, transcode

    /// The kind. A result has at most `maximumBytes`.
    func kind(maximumBytes: Int) throws -> CommandKind {
        let limits = ResourceLimits(memoryBytes: 2 << 30, processorSeconds: 600, fileBytes: maximumBytes)
        switch self {
        case .speech: return try CommandPreset.speech(limits)
        case .image: return try CommandPreset.image(limits)
        case .transcode: return try TranscodePreset.kind(maximumBytes: maximumBytes)
        }
    }

    private static func speech(_ limits: ResourceLimits) throws -> CommandKind {
        let program = InstalledProgram.find(["espeak-ng"])
        return CommandKind(
            name: "speech",
            summary: "speaks a text: WAV by espeak-ng",
            params: .object([
                .required("text", .string(1...5000)),
                .optional(
                    "voice",
                    .string(1...40, pattern: try JSONPattern("^[A-Za-z][A-Za-z0-9+_-]*$")).defaulting(to: "en")
                ),
                .optional("speed", .integer(80...450).defaulting(to: 175).described("words per minute")),
                .optional("pitch", .integer(0...99).defaulting(to: 50)),
            ]),
            program: program ?? "",
            unavailable: program == nil ? "install the package espeak-ng" : nil,
            arguments: try ArgumentList([
                ["--stdin"], ["-b", "1"], ["-w", "result.wav"], ["-v", "{voice}"], ["-s", "{speed}"],
                ["-p", "{pitch}"],
            ]),
            // By standard input, where it can be nothing but text.
            input: try TextTemplate("{text}"),
            output: CommandKind.Output(file: "result.wav", mediaType: "audio/wav"),
            limits: limits,
            timeout: .seconds(300)
        )
    }

    /// Where Debian's fonts-dejavu-core and others put the card's font.
    private static let fonts = [
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
        "/usr/share/fonts/TTF/DejaVuSans.ttf",
    ]

    static let font = fonts.first(where: InstalledProgram.isReadable)

    private static func image(_ limits: ResourceLimits) throws -> CommandKind {
        let program = InstalledProgram.find(["magick", "convert"])
        let color = try JSONSchema.string(
            1...9,
            pattern: JSONPattern("^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$")
        )
        return CommandKind(
            name: "image",
            summary: "draws a title card: PNG by ImageMagick",
            params: .object([
                .required("text", .string(1...1000)),
                .optional("width", .integer(16...4096).defaulting(to: 1280)),
                .optional("height", .integer(16...4096).defaulting(to: 720)),
                .optional("background", color.defaulting(to: "#1E2A38")),
                .optional("foreground", color.defaulting(to: "#FFFFFF")),
            ]),
            program: program ?? "",
            unavailable: program == nil
                ? "install the package imagemagick" : font == nil ? "install the package fonts-dejavu-core" : nil,
            arguments: try ArgumentList([
                ["-background", "{background}"], ["-fill", "{foreground}"], ["-font", "{font}"],
                ["-size", "{width}x{height}"], ["-gravity", "center"], ["caption:{caption}"], ["-strip"],
                ["-depth", "8"], ["PNG:result.png"],
            ]),
            output: CommandKind.Output(file: "result.png", mediaType: "image/png"),
            limits: limits,
            timeout: .seconds(120),
            prepare: { _, _, _, _, preparation in
                var preparation = preparation
                let given = preparation.values
                preparation.values.merge([
                    "width": "1280", "height": "720", "background": "#1E2A38", "foreground": "#FFFFFF",
                ]) { given, _ in given }
                preparation.values["font"] = font
                preparation.values["caption"] = escapedForImageMagick(given["text"] ?? "")
                return preparation
            }
        )
    }

    /// Text that ImageMagick draws as it is. It would read a file at a leading `@`, and fill in facts at `%` and
    /// `&`; behind a backslash every character stands for itself, but for `n` and `r`.
    static func escapedForImageMagick(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": escaped += "\\n"
            case "\0"..<" ", "\u{7F}": escaped += " "
            case "0"..."9", "A"..."Z", "a"..."z", " ": escaped.unicodeScalars.append(scalar)
            case "\u{80}"...: escaped.unicodeScalars.append(scalar)
            default:
                escaped += "\\"
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
