import Glibc
public import Kernel

/// How a pool connects, and its limits.
public struct PoolSettings: Sendable {
    /// Where the server is: whatever libpq takes, such as `postgres://user:password@host:5432/database`.
    public var url: Secret<String>
    /// The most connections, each with a thread. Twice the cores is plenty; more make Postgres slower.
    public var size: Int
    /// How long a caller waits for a connection.
    public var acquireDeadline: Duration
    /// How many callers wait; more are refused at once.
    public var maximumWaiters: Int
    /// How long a statement may take before it is cancelled.
    public var statementTimeout: Duration
    /// How long the server may take to react to a cancel request before the connection is thrown away.
    public var cancelGrace: Duration
    /// How long an idle connection is kept.
    public var idleLifetime: Duration
    /// How long any connection is kept; up to a tenth less, so that they do not all end together.
    public var maximumLifetime: Duration
    /// How long connecting may take.
    public var connectTimeout: Duration
    /// How long to wait between attempts to connect.
    public var reconnect: Backoff
    /// The name in `pg_stat_activity`.
    public var applicationName: String
    /// Off for poolers that lose prepared statements (PgBouncer before 1.21 in transaction mode).
    public var usesPreparedStatements: Bool
    /// How many statements a connection keeps prepared.
    public var preparedStatements: Int
    /// Plans each statement once, whatever its parameters: for small statements that run all the time, which cost more
    /// to plan than to run and find all they need by an index. Not for those whose best plan depends on their
    /// parameters, such as filters.
    public var keepsPlans: Bool

    /// The settings that suit most; change what does not.
    public init(url: Secret<String>, applicationName: String = "martlet") {
        self.url = url
        self.applicationName = applicationName
        size = min(16, 2 * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        acquireDeadline = .seconds(5)
        maximumWaiters = 1024
        statementTimeout = .seconds(30)
        cancelGrace = .seconds(2)
        idleLifetime = .seconds(600)
        maximumLifetime = .seconds(3600)
        connectTimeout = .seconds(5)
        reconnect = Backoff(from: .milliseconds(100), cap: .seconds(2))
        usesPreparedStatements = true
        preparedStatements = 256
        keepsPlans = false
    }

    /// The settings for a server given as text.
    public init(_ url: String, applicationName: String = "martlet") {
        self.init(url: Secret(url), applicationName: applicationName)
    }

    /// Checks the connection string and the numbers, without connecting.
    ///
    /// - Throws: `PostgresError` of kind `.invalidSettings`, which never quotes the connection string.
    public func validate() throws {
        _ = try ConnectionParameters.parse(self)
        guard size > 0, maximumWaiters >= 0, preparedStatements > 0 else {
            throw PostgresError(.invalidSettings, "the pool's sizes must be positive")
        }
    }
}
