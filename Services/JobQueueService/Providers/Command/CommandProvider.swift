import Concurrency
import Contracts
import Files
import HTTPClient
import JSON
import Kernel
import Subprocess

/// Runs jobs by local programs: fills the arguments from the params, reads progress from the output, and keeps the file
/// that the program leaves.
///
/// ```
///   params ─▶ arguments ─▶ program in a scratch folder ─┬─ lines ─▶ progress, log
///                                                       └─ file ──▶ ResultStore ─▶ result_url
/// ```
struct CommandProvider: Provider {
    let kinds: [Kind]
    let concurrency: Int
    private let commands: [String: CommandKind]
    private let scratch: String
    private let ids = IdentifierSource()
    private let probe = MediaProbe.installed()

    init(_ commands: [CommandKind], concurrency: Int, scratch: String) {
        kinds = commands.map(\.kind)
        self.commands = Dictionary(commands.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.concurrency = concurrency
        self.scratch = scratch
    }

    func run(_ lease: Lease, _ attempt: Attempt) async throws -> ProviderResult {
        guard let command = commands[lease.kind] else {
            throw ProviderFailure(code: "KIND_UNKNOWN", message: "no program does this kind", isRetryable: false)
        }
        return try await ScratchFolder.with(in: scratch, id: ids.uuid()) { folder in
            try await run(command, lease, attempt, in: folder)
        }
    }

    private func run(
        _ kind: CommandKind,
        _ lease: Lease,
        _ attempt: Attempt,
        in folder: ScratchFolder
    ) async throws -> ProviderResult {
        let params = try JSONDocument(parsing: lease.params.bytes).root
        var preparation = CommandKind.Preparation(values: CommandProvider.values(of: params))
        preparation.values["output"] = kind.output.file
        if let prepare = kind.prepare {
            preparation = try await prepare(params, lease, folder, attempt, preparation)
        }
        let output = preparation.output ?? kind.output
        let command = Command(
            kind.program,
            try preparation.arguments ?? CommandProvider.arguments(kind, preparation.values),
            folder: folder.path,
            input: kind.input?.filled(preparation.values).map { Array($0.utf8) },
            limits: kind.limits,
            timeout: min(kind.timeout, lease.timeout)
        )
        let ran: (ending: Ending, lastError: String?)
        do {
            ran = try await carryOut(command, kind, lease, attempt, progressTotal: preparation.progressTotal)
        } catch let error as SubprocessError {
            throw ProviderFailure(code: "COMMAND_NOT_STARTED", message: "\(error)")
        }
        guard ran.ending.isSuccess else {
            throw CommandFailure.failure(of: ran.ending, lastError: ran.lastError, timeout: command.timeout)
        }
        return try await keep(output, of: lease, attempt, in: folder)
    }

    /// Runs the program; its lines become progress and log.
    private func carryOut(
        _ command: Command,
        _ kind: CommandKind,
        _ lease: Lease,
        _ attempt: Attempt,
        progressTotal: Double?
    ) async throws -> (ending: Ending, lastError: String?) {
        let log = AttemptLog(attempt)
        let key = LeaseKey(jobID: lease.jobID, fence: lease.fence)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await log.run() }
            defer { group.cancelAll() }
            let reader = try kind.progress?.reader(total: progressTotal)
            var lastError: String?
            var nextReport = ContinuousClock.now
            let ending = try await Subprocess.run(command) { lines in
                for try await line in lines {
                    if line.stream == .output, let fraction = try reader?.fraction(in: line.text) {
                        guard .now >= nextReport else { continue }
                        try await attempt.report(Progress(key: key, fraction: fraction))
                        nextReport = .now + .milliseconds(500)
                        continue
                    }
                    if line.stream == .error { lastError = line.text }
                    // Programs that report progress write nothing else there that people want to read.
                    if line.stream == .error || reader == nil { try await log.append(line.text) }
                }
            }
            try await log.flush()
            return (ending, lastError.map(CommandFailure.cleaned))
        }
    }

    private func keep(
        _ output: CommandKind.Output,
        of lease: Lease,
        _ attempt: Attempt,
        in folder: ScratchFolder
    ) async throws -> ProviderResult {
        guard let chunks = try folder.chunks(of: output.file) else {
            throw ProviderFailure(code: "COMMAND_NO_RESULT", message: "the program left no file")
        }
        let duration = try await probe?.duration(of: output.file, mediaType: output.mediaType, in: folder)
        do {
            let stored = try await attempt.results.store(chunks, mediaType: output.mediaType, for: lease.jobID)
            return ProviderResult(url: stored.url, details: stored.details(duration: duration))
        } catch is ResultStore.TooLarge {
            throw ProviderFailure.resultTooLarge
        } catch let error as FileError where error.isDiskFull {
            throw ProviderFailure.diskFull
        }
    }

    private static func arguments(_ kind: CommandKind, _ values: [String: String]) throws -> [String] {
        do throws(TextTemplate.Mistake) {
            return try kind.arguments.filled(values)
        } catch {
            throw ProviderFailure(code: "INVALID_PARAMS", message: error.message, isRetryable: false)
        }
    }

    /// Params as text, by name; only plain values can become arguments.
    private static func values(of params: JSONElement) -> [String: String] {
        var values: [String: String] = [:]
        for member in params.members {
            switch member.value.kind {
            case .string: values[member.name] = member.value.string
            case .integer: values[member.name] = member.value.int.map { "\($0)" }
            case .number: values[member.name] = member.value.double.map { "\($0)" }
            case .boolean: values[member.name] = member.value.bool.map { "\($0)" }
            default: break
            }
        }
        return values
    }
}
