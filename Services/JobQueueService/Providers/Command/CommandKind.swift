import Contracts
import HTTPClient
import JSON
import Kernel
import Subprocess

/// A kind of job that a local program does.
struct CommandKind: Sendable {
    /// The file that the program is to leave in its folder.
    struct Output: Sendable {
        let file: String
        let mediaType: String
    }

    /// What is known of one job before its program starts.
    struct Preparation: Sendable {
        /// What fills the places of the templates.
        var values: [String: String]
        var arguments: [String]?
        var output: Output?
        /// What the progress pattern's number is at the end.
        var progressTotal: Double?
    }

    /// Makes what a program needs beyond its params, in its folder.
    typealias Prepare = @Sendable (JSONElement, Lease, ScratchFolder, Attempt, Preparation) async throws -> Preparation

    let name: String
    let summary: String
    let params: JSONSchema
    /// An absolute path.
    let program: String
    /// Why it cannot be run here.
    var unavailable: String?
    let arguments: ArgumentList
    /// What its standard input holds.
    var input: TextTemplate?
    let output: Output
    var progress: ProgressPattern?
    var limits: ResourceLimits
    /// How long it may take at most; a job may ask for less.
    var timeout: Duration = .seconds(3600)
    var prepare: Prepare?

    /// The kind as others see it.
    var kind: Kind {
        Kind(name: name, summary: summary, params: params, provider: "command", unavailable: unavailable)
    }
}
