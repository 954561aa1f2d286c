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
        if let isApproved { parts.append("(approval.id IS NOT NULL) = \(isApproved)") }
        return SQL(joining: parts, by: " AND ")
    }
}
