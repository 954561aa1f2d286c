import Contracts
import Postgres

/// Which assets a list shows.
struct AssetFilter: Sendable {
    let project: ProjectID
    var card: CardID?
    var isApproved: Bool?

    var condition: SQL {
        var parts: [SQL] = ["asset.project_id = \(project)"]
        if let card { parts.append("asset.card_id = \(card)") }
        switch isApproved {
        // By the approval's own project, so that those that are not approved are not looked at.
        case true?: parts.append("approval.project_id = \(project)")
        case false?: parts.append("approval.id IS NULL")
        case nil: break
        }
        return SQL(joining: parts, by: " AND ")
    }
}
