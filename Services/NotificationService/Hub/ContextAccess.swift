import Contracts
import Postgres
import Store

/// Says who may watch what.
struct ContextAccess: Sendable {
    let pool: Pool

    /// Whether a principal may watch a context. A token that lists contexts allows no others. Who is limited to a project
    /// may watch what belongs to it; what does not exist belongs to nobody. `all` is for administrators, queues are for those who see all projects.
    func allows(_ principal: Principal, _ context: ContextID) async throws -> Bool {
        guard ContextAccess.mayWatch(principal) else { return false }
        if let contexts = principal.contexts, !contexts.contains(where: { $0.matches(context) }) { return false }
        if context == .all { return principal.may(.admin) && principal.project == nil }
        guard let project = principal.project else { return true }
        return switch context {
        case .all, .queue: false
        case .project(let id): id == project
        case .card(let id): try await isThere(ContextAccessStatements.card(id, in: project))
        case .job(let id): try await isThere(ContextAccessStatements.job(id, in: project))
        case .thread(let id): try await isThere(ContextAccessStatements.thread(id, in: project))
        case .run(let id): try await isThere(ContextAccessStatements.run(id, in: project))
        }
    }

    /// Whether a principal may watch anything at all.
    static func mayWatch(_ principal: Principal) -> Bool { principal.may(.eventsRead) || principal.may(.jobsRead) }

    private func isThere(_ statement: SQL) async throws -> Bool { try await !pool.query(statement).isEmpty }
}

/// Statements over the views that say where things belong.
enum ContextAccessStatements {
    static func card(_ id: CardID, in project: ProjectID) -> SQL {
        "SELECT FROM agent.card_places WHERE card_id = \(id) AND project_id = \(project)"
    }

    static func thread(_ id: ThreadID, in project: ProjectID) -> SQL {
        "SELECT FROM agent.thread_places WHERE thread_id = \(id) AND project_id = \(project)"
    }

    static func run(_ id: RunID, in project: ProjectID) -> SQL {
        "SELECT FROM agent.run_places WHERE run_id = \(id) AND project_id = \(project)"
    }

    static func job(_ id: JobID, in project: ProjectID) -> SQL {
        "SELECT FROM jobs.job_views WHERE id = \(id) AND project_id = \(project)"
    }
}
