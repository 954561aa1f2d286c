public import Contracts
public import Postgres

/// Statuses are stored by their wire names.
extension JobStatus: PostgresDecodable, PostgresArrayElement {}

/// Phases are stored by their wire names.
extension JobPhase: PostgresDecodable, PostgresArrayElement {}
