import Contracts
import HTTPClient
import JSON

/// `martlet doctor`: whether everything is there, and what to do where it is not.
struct DoctorCommand: Command {
    static let syntax = CommandSyntax(
        "doctor",
        "",
        "Checks programs, services and the token; every line says what to do about it."
    )

    init(_ arguments: ParsedArguments) {}

    func run(_ session: Session) async throws -> ExitStatus {
        var findings = DoctorCommand.programs()
        let endpoints = session.services.endpoints
        for (name, url, setting) in [
            ("agent", endpoints.agent, "AGENT_URL"), ("job queue", endpoints.jobQueue, "JOB_QUEUE_URL"),
            ("notification", endpoints.notification, "NOTIFICATION_URL"),
        ] {
            findings += await DoctorCommand.service(name, url, setting, session)
        }
        findings.append(await DoctorCommand.token(session))
        for finding in findings {
            session.console.line(session.writesJSON ? finding.json : finding.line)
        }
        return findings.contains { $0.grade == .fail } ? .failure : .success
    }

    /// Programs that providers and `make run` use. Without one only what needs it is missing.
    static func programs(_ find: ([String]) -> String? = InstalledProgram.find) -> [Finding] {
        [
            (["espeak-ng"], "jobs of kind speech", "espeak-ng"),
            (["magick", "convert"], "jobs of kind image", "imagemagick"),
            (["ffmpeg"], "jobs of kind transcode", "ffmpeg"),
            (["postgres", "pg_ctl"], "make run", "postgresql"),
            (["rabbitmq-server"], "make run", "rabbitmq-server"),
        ]
        .map { names, use, package in
            guard let path = find(names) else {
                return Finding(.warn, names[0], "is not installed; \(use) needs it", advice: "apt install \(package)")
            }
            return Finding(.ok, names[0], path)
        }
    }

    private static func service(_ name: String, _ url: String, _ setting: String, _ session: Session) async -> [Finding]
    {
        let timeouts = ClientRequest.Timeouts(connect: .seconds(2), total: .seconds(7))
        let health: JSONElement
        do {
            let answer = try await session.services.client.send(
                ClientRequest("GET", "\(url)/health", timeouts: timeouts)
            )
            health = try JSONDocument(parsing: answer.body).root
        } catch {
            let advice = "start it (make start), or set \(setting)"
            return [Finding(.fail, name, "\(url) does not answer: \(error)", advice: advice)]
        }
        guard let status = health["status"]?.string else {
            return [Finding(.fail, name, "\(url) is not a Martlet service", advice: "set \(setting)")]
        }
        let grade: Finding.Grade = status == "healthy" ? .ok : status == "degraded" ? .warn : .fail
        let version = health["version"]?.string ?? "?"
        var findings = [Finding(grade, name, ProgressBar.printable("\(url) \(status), version \(version)"))]
        for check in health["checks"]?.members.map({ $0 }) ?? [] {
            let state = check.value["status"]?.string ?? "?"
            let message = check.value["message"]?.string.map(ProgressBar.printable)
            let advice =
                check.value["advice"]?.string.map(ProgressBar.printable)
                ?? "see /health of \(url) and the service's log"
            if state == "healthy", let message {
                // All is well here, and still there is something to say.
                findings.append(Finding(.warn, "\(name) \(check.name)", message, advice: advice))
                continue
            }
            guard state != "healthy", state != "not_configured" else { continue }
            let text = ProgressBar.printable("\(state): ") + (message ?? "no reason given")
            findings.append(
                Finding(state == "unhealthy" ? .fail : .warn, "\(name) \(check.name)", text, advice: advice)
            )
        }
        return findings
    }

    private static func token(_ session: Session) async -> Finding {
        do {
            _ = try await session.services.call("GET", session.jobQueue, "/api/jobs?limit=1")
            return Finding(
                .ok,
                "token",
                session.services.endpoints.hasToken ? "is accepted" : "development token is accepted"
            )
        } catch let failure as CommandFailure where failure.status == .refused {
            return Finding(.fail, "token", "\(failure)", advice: "set MARTLET_TOKEN to a key of martlet keys create")
        } catch {
            return Finding(.warn, "token", "could not be checked: the job queue does not answer")
        }
    }
}

/// What a check found.
struct Finding: Sendable, Equatable {
    /// How bad it is.
    enum Grade: String, Sendable {
        case ok, warn, fail
    }

    let grade: Grade
    let subject: String
    let text: String
    let advice: String?

    init(_ grade: Grade, _ subject: String, _ text: String, advice: String? = nil) {
        self.grade = grade
        self.subject = subject
        self.text = text
        self.advice = advice
    }

    /// For people.
    var line: String {
        "\(grade.rawValue.padded(to: 4))  \(subject.padded(to: 14))  \(text)" + (advice.map { " → \($0)" } ?? "")
    }

    /// For programs.
    var json: String {
        String(
            decoding: JSONWriter.bytes { json in
                json.object {
                    $0.member("status", grade.rawValue)
                    $0.member("subject", subject)
                    $0.member("message", text)
                    $0.member("advice", advice)
                }
            },
            as: UTF8.self
        )
    }
}
