import JSON

/// Follows a context over the notification service's event stream.
struct LiveUpdates: Sendable {
    /// What came.
    enum News: Sendable {
        /// The stream stands; what happens from now on is seen.
        case connected
        /// News of a job.
        case job(JobUpdate)
        /// News of something else, such as a card.
        case other(JSONElement)
    }

    let services: ServiceClient
    let context: String
    /// Failures in a row after which it is given up.
    var patience = 8

    /// Calls `take` for all that comes, until it returns `false`.
    ///
    /// - Throws: `CommandFailure` when the service refuses, or stays unreachable.
    func follow(_ take: (News) async throws -> Bool) async throws {
        let base = services.endpoints.notification
        let stream = EventStream(
            services: services,
            base: base,
            path: "/sse?context_id=\(context)",
            patience: patience
        )
        try await stream.follow { data in
            guard let data else { return try await take(.connected) }
            for news in try LiveUpdates.news(data) where try await !take(news) { return false }
            return true
        }
    }

    /// What a message says.
    static func news(_ text: String) throws -> [News] {
        let message = try JSONDocument(parsing: text).root
        switch message["type"]?.string {
        case "snapshot":
            return message["jobs"]?.elements.compactMap { JobUpdate($0).map(News.job) } ?? []
        case "job_update":
            return message["data"].flatMap { JobUpdate($0) }.map { [.job($0)] } ?? []
        case "event": return message["data"].map { [.other($0)] } ?? []
        default: return []
        }
    }
}
