import Postgres

/// Statements that tell the planner what it cannot know.
enum PlannerStatements {
    /// For the rest of the transaction no statement is compiled before it is run. The planner takes the end of a log, or a
    /// page of a table, for much more than it is, and compiling for a second what runs for a millisecond is the price.
    static let withoutJIT: SQL = "SELECT set_config('jit', 'off', true)"
}
