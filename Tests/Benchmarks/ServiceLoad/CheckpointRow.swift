import Concurrency
import HTTPClient
import JSON
import Kernel

/// How many checkpoints a second writers store, each on a thread of its own and one after the other. A put is a
/// checkpoint with two changed channels and two writes, one of which has the same value; no two puts have the same.
struct CheckpointRow: Sendable {
    private static let bytes = 2048
    let services: Services
    let writers: Int
    let puts: Int

    func measure() async throws -> String {
        let begin = ContinuousClock.now
        let times = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for _ in 0..<writers { group.addTask { try await write() } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let quantiles = Quantiles(times)
        return "puts=\(times.count) puts_per_s=\(Double(times.count) / seconds) "
            + "p50_ms=\(quantiles[0.5]) p99_ms=\(quantiles[0.99])"
    }

    private func write() async throws -> [Duration] {
        let ids = IdentifierSource()
        let made = try await services.agent("POST", "/api/threads", Array("{}".utf8))
        let path = "/api/threads/\(made["thread_id"]?.string ?? "")/checkpoints"
        // As little to be compressed as the peer's; like the peer, not made anew for every put.
        let text = Hex.encode(RandomSource.system.bytes(CheckpointRow.bytes / 2)).dropFirst(36)
        var (parent, times): (String?, [Duration]) = (nil, [])
        for step in 1...puts {
            let id = ids.uuid().description
            let body = CheckpointRow.body(id, parent, step, text: id + text)
            let start = ContinuousClock.now
            _ = try await services.agent("PUT", path, body)
            times.append(ContinuousClock.now - start)
            parent = id
        }
        return times
    }

    private static func body(_ id: String, _ parent: String?, _ step: Int, text: String) -> [UInt8] {
        JSONWriter.bytes { json in
            json.object { json in
                json.member("checkpoint_id", id)
                json.member("parent_checkpoint_id", parent)
                json.member("checkpoint") { json in
                    json.object { json in
                        json.member("v", 2)
                        json.member("ts", WallClock.system.now())
                        json.member("versions_seen") { $0.object { _ in } }
                        json.member("channel_values") { json in
                            json.object {
                                $0.member("messages", [text])
                                $0.member("step", step)
                            }
                        }
                    }
                }
                json.member("channel_versions") { json in
                    json.object {
                        $0.member("messages", step)
                        $0.member("step", step)
                    }
                }
                json.member("metadata") { json in
                    json.object {
                        $0.member("source", "loop")
                        $0.member("step", step)
                        $0.member("parents") { $0.object { _ in } }
                    }
                }
                json.member("writes") { json in
                    json.array { json in
                        json.object {
                            $0.member("task_id", id)
                            $0.member("channel", "messages")
                            $0.member("value", [text])
                        }
                        json.object {
                            $0.member("task_id", id)
                            $0.member("channel", "step")
                            $0.member("value", step)
                        }
                    }
                }
            }
        }
    }
}

extension Services {
    /// Sends JSON to the agent service and returns the answer.
    func agent(_ method: String, _ path: String, _ body: [UInt8]) async throws -> JSONElement {
        let request = ClientRequest(
            method,
            agentURL + path,
            headers: [authorization, ("Content-Type", "application/json")],
            body: .bytes(body),
            timeouts: ClientRequest.Timeouts(total: .seconds(60))
        )
        let response = try await client.send(request)
        guard (200...299).contains(response.status) else { throw Refused(path: path, status: response.status) }
        return try JSONDocument(parsing: response.body).root
    }
}
