import JSON

/// `martlet list`: jobs, newest first.
struct ListCommand: Command {
    static let filters = ["status", "kind", "queue", "card", "project", "tag"]
    static let syntax = CommandSyntax(
        "list",
        "",
        "Lists jobs, newest first.",
        options: [
            .value("status", "WORDS", "statuses, separated by commas"), .value("kind", "KIND", "the kind"),
            .value("queue", "QUEUE", "the queue"), .value("card", "ID", "the card"),
            .value("project", "ID", "the project"), .value("tag", "TAG", "one of the tags"),
            .value("limit", "N", "how many at most, 20 by default"),
        ]
    )
    let path: String

    init(_ arguments: ParsedArguments) throws {
        var fields = ["limit=\(try arguments.int("limit", in: 1...200) ?? 20)"]
        for name in ListCommand.filters {
            guard let value = arguments.value(name) else { continue }
            fields.append(
                "\(name == "card" || name == "project" ? "\(name)_id" : name)=\(PercentEncoding.encode(value))"
            )
        }
        path = "/api/jobs?" + fields.joined(separator: "&")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let answer = try await session.services.call("GET", session.jobQueue, path)
        for job in answer["items"]?.elements.map({ $0 }) ?? [] {
            if session.writesJSON {
                session.console.line(job.text)
            } else if let update = JobUpdate(job) {
                session.console.line("\(update.jobID)  \(update.line)")
            }
        }
        return .success
    }
}

/// Text in a URL.
enum PercentEncoding {
    static func encode(_ text: String) -> String {
        text.utf8.reduce(into: "") { encoded, byte in
            let scalar = UnicodeScalar(byte)
            let isPlain =
                byte < 128 && (scalar.properties.isAlphabetic || (48...57).contains(byte) || "-._~".utf8.contains(byte))
            if isPlain {
                encoded.unicodeScalars.append(scalar)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
    }
}
