internal import CLibPQ
import Kernel

/// What libpq is told when it connects: the connection string's own words, then ours where it is silent.
enum ConnectionParameters {
    /// Reads the connection string. Its errors never quote it: it holds a password.
    static func parse(_ settings: PoolSettings) throws(PostgresError) -> [(String, String)] {
        var parameters = try parse(settings.url.reveal())
        let given = Set(parameters.map(\.0))
        for (keyword, value) in defaults(settings) where !given.contains(keyword) {
            parameters.append((keyword, value))
        }
        return parameters
    }

    private static func defaults(_ settings: PoolSettings) -> [(String, String)] {
        [
            ("application_name", settings.applicationName),
            ("client_encoding", "UTF8"),
            // A peer that is gone is noticed within about half a minute, whether we wait for it or it for us.
            ("keepalives", "1"),
            ("keepalives_idle", "15"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
            // Asking for Kerberos encryption costs a round trip at each connect.
            ("gssencmode", "disable"),
        ]
        // No `options=-c statement_timeout=…`: PgBouncer refuses unknown startup parameters. The deadline of a single
        // statement is kept by the client, which cancels; in transactions the server has limits of its own too,
        // set with SET LOCAL (see `Transaction`), because a client that died there would keep locks.
    }

    private static func parse(_ url: String) throws(PostgresError) -> [(String, String)] {
        let invalid = PostgresError(
            .invalidSettings,
            "the connection string is not valid: write postgres://user:password@host:port/database"
        )
        // Without an error pointer libpq keeps its words (which quote the string) to itself.
        guard !url.isEmpty, let options = unsafe PQconninfoParse(url, nil) else { throw invalid }
        defer { unsafe PQconninfoFree(options) }
        var parameters: [(String, String)] = []
        var option = unsafe options
        // The array ends in an entry without a keyword; its texts are copied before it is freed.
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                unsafe parameters.append((String(cString: keyword), String(cString: value)))
            }
            unsafe option += 1
        }
        return parameters
    }
}
