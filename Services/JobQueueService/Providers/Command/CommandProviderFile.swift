import HTTPClient
import JSON
import Kernel
import Subprocess

/// The file of further command kinds that `COMMAND_PROVIDERS_FILE` names.
///
/// ```json
/// {"kinds": [{
///   "kind": "thumbnail",
///   "summary": "shrinks a picture",
///   "params": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
///   "program": "/usr/bin/tool",
///   "arguments": ["--title", "{text}", ["--size", "{size}"], "{output}"],
///   "input": "{text}",
///   "output": {"file": "out.png", "media_type": "image/png"},
///   "progress": {"pattern": "^done=([0-9.]+)", "total": 100}
/// }]}
/// ```
/// Inner arrays of `arguments` are left out when a param that they name is missing. `{output}` is the output's file.
enum CommandProviderFile {
    /// What each of the file's `kinds` looks like.
    static let schema = JSONSchema.object([
        .required("kind", .string(1...100)),
        .required("summary", .string(1...500)),
        .required("params", .anyObject.described("a JSON Schema of an object")),
        .required("program", .string(2...1000).described("absolute path")),
        .required(
            "arguments",
            .array(of: .any, 0...200).described("templates; inner arrays are left out when a param is missing")
        ),
        .optional("input", .string().described("template of the standard input")),
        .required(
            "output",
            .object([.required("file", .string(1...200)), .required("media_type", .string(3...100))])
        ),
        .optional(
            "progress",
            .object([
                .required("pattern", .string(1...500).described("regular expression; its first group is a number")),
                .optional("total", .number(0.000_001...1e15).defaulting(to: 100)),
            ])
        ),
        .optional("timeout_ms", .integer(1...86_400_000).defaulting(to: 3_600_000)),
        .optional(
            "limits",
            .object([
                .optional("memory_bytes", .integer(1 << 20...1 << 45).defaulting(to: 2 << 30)),
                .optional("cpu_seconds", .integer(1...86_400).defaulting(to: 600)),
                .optional("open_files", .integer(8...65_536).defaulting(to: 256)),
                .optional("processes", .integer(1...65_536).described("of the user, whoever started them")),
            ])
        ),
    ])

    /// Reads a file's text.
    static func read(_ text: String, maximumBytes: Int) -> Declarations<CommandKind> {
        Declarations(text: text, list: "kinds", schema: schema) { element, mistakes in
            kind(element, maximumBytes, &mistakes)
        }
    }

    private static func kind(
        _ json: JSONElement,
        _ maximumBytes: Int,
        _ mistakes: inout DeclarationMistakes
    ) -> CommandKind? {
        let program = json["program"]?.string ?? ""
        if !program.hasPrefix("/") { mistakes.note("/program", "must be an absolute path") }
        let file = json["output"]?["file"]?.string ?? ""
        if file.contains("/") || file.hasPrefix(".") || file.hasPrefix("-") {
            mistakes.note("/output/file", "must be a plain name")
        }
        let schema = mistakes.value("/params") {
            try JSONSchema(parsing: json["params"] ?? .null, strictly: true)
        }
        let arguments = mistakes.value("/arguments") { try argumentList(json["arguments"] ?? .null) }
        let input = json.value("input")?.string
            .flatMap { text in
                mistakes.value("/input") { try TextTemplate(text) }
            }
        let progress = json.value("progress")
            .flatMap { json in
                mistakes.value("/progress/pattern") {
                    try ProgressPattern(json["pattern"]?.string ?? "", total: json.value("total")?.double ?? 100)
                }
            }
        let properties = json["params"]?.value("properties") ?? .null
        let known = Set(properties.members.map { $0.name } + ["output"])
        let named: [String] = (arguments?.names ?? []) + (input?.names ?? [])
        for name in named where !known.contains(name) {
            mistakes.note("/arguments", "name '\(name)', which is not among the params")
        }
        guard let schema, let arguments else { return nil }
        let limits = json.value("limits")
        return CommandKind(
            name: json["kind"]?.string ?? "",
            summary: json["summary"]?.string ?? "",
            params: schema,
            program: program,
            unavailable: InstalledProgram.isExecutable(program) ? nil : "its program is not installed",
            arguments: arguments,
            input: input,
            output: CommandKind.Output(file: file, mediaType: json["output"]?["media_type"]?.string ?? ""),
            progress: progress,
            limits: ResourceLimits(
                memoryBytes: limits?.value("memory_bytes")?.int ?? 2 << 30,
                processorSeconds: limits?.value("cpu_seconds")?.int ?? 600,
                fileBytes: maximumBytes,
                openFiles: limits?.value("open_files")?.int ?? 256,
                processes: limits?.value("processes")?.int
            ),
            timeout: .milliseconds(json.value("timeout_ms")?.int ?? 3_600_000)
        )
    }

    private static func argumentList(_ json: JSONElement) throws -> ArgumentList {
        ArgumentList(
            groups: try json.elements.map { element in
                let texts = element.kind == .array ? element.elements.map(\.string) : [element.string]
                let templates = try texts.map { text in
                    guard let text else { throw TextTemplate.Mistake(message: "must be texts or arrays of texts") }
                    return try TextTemplate(text)
                }
                return ArgumentList.Group(templates: templates, isOptional: element.kind == .array)
            }
        )
    }
}
