import Contracts
import Postgres

/// Where a card is.
struct CardPlace: Sendable {
    let activityID: ActivityID
    let projectID: ProjectID
}

/// Finds the places of cards, through the view that the agent service's tables offer.
struct CardPlaces: Sendable {
    let pool: Pool

    func find(_ cards: Set<CardID>) async throws -> [CardID: CardPlace] {
        guard !cards.isEmpty else { return [:] }
        return try CardPlaces.read(try await pool.query(CardPlaceStatements.find(Array(cards))))
    }

    /// The same inside a transaction.
    static func find(_ cards: Set<CardID>, in transaction: isolated Transaction) throws -> [CardID: CardPlace] {
        guard !cards.isEmpty else { return [:] }
        return try read(try transaction.query(CardPlaceStatements.find(Array(cards))))
    }

    private static func read(_ rows: Rows) throws -> [CardID: CardPlace] {
        var places: [CardID: CardPlace] = [:]
        for row in rows {
            places[try row.decode(0)] = CardPlace(activityID: try row.decode(1), projectID: try row.decode(2))
        }
        return places
    }
}

/// Statements over the view `agent.card_places`.
enum CardPlaceStatements {
    static func find(_ cards: [CardID]) -> SQL {
        "SELECT card_id, activity_id, project_id FROM agent.card_places WHERE card_id = ANY(\(cards))"
    }
}
