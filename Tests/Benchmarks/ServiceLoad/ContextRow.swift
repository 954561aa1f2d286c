import JSON

/// How long a context of a project takes, one after the other, from the request to the whole answer.
struct ContextRow: Sendable {
    let services: Services
    let project: String
    let contexts: Int

    func measure() async throws -> String {
        let body = Array(#"{"budget":8000}"#.utf8)
        var times: [Duration] = []
        var told = 0
        // The first ones find caches cold and plans unmade.
        for round in 0..<contexts + 20 {
            let begin = ContinuousClock.now
            let context = try await services.agent("POST", "/api/projects/\(project)/context", body)
            if round >= 20 { times.append(ContinuousClock.now - begin) }
            told = context["tokens"]?.int ?? 0
        }
        let quantiles = Quantiles(times)
        return "contexts=\(times.count) tokens=\(told) p50_ms=\(quantiles[0.5]) p99_ms=\(quantiles[0.99])"
    }
}
