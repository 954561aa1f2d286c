import JSON
import Kernel
import LanguageModels

/// What is recorded of a turn of the model beside its message.
struct RunTurnDetail: Sendable {
    var model = ""
    var answeredBy: String?
    var responseID: String?
    var finish = ModelFinish.other
    var usage = ModelUsage()
    var cost: Int?
    /// The limit that made it the last turn.
    var limit: RunLimit?
    /// Whether it was asked to mend its answer.
    var isRepair = false
    var timeToFirstChunk: Duration?
    /// From the question to the end of the answer.
    var duration = Duration.zero
    /// What of the conversation and the project was given to it and what was left out.
    var context: RawJSON?

    init() {}

    /// Takes over what an answer tells of itself.
    mutating func take(_ reply: ModelReply, cost: Int?) {
        answeredBy = reply.model
        responseID = reply.id
        finish = reply.finish
        usage = reply.usage
        timeToFirstChunk = reply.timeToFirstChunk
        self.cost = cost
    }

    /// Reads back what the plan needs.
    init(_ stored: RawJSON?) {
        guard let stored else { return }
        let json: JSONElement
        do {
            json = try JSONDocument(parsing: stored.bytes).root
        } catch {
            return
        }
        finish = json.value("finish")?.string.flatMap(ModelFinish.init) ?? .other
        limit = json.value("limit")?.string.flatMap(RunLimit.init)
        isRepair = json.value("repair")?.bool ?? false
    }
}

extension RunTurnDetail: JSONWritable {
    /// Writes the detail as an object.
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("model", model)
            json.member("answered_by", answeredBy)
            json.member("response_id", responseID)
            json.member("finish", finish.rawValue)
            json.member("usage") { json in
                json.object {
                    $0.member("input_tokens", usage.inputTokens)
                    $0.member("cached_input_tokens", usage.cachedInputTokens)
                    $0.member("cache_write_tokens", usage.cacheWriteTokens)
                    $0.member("output_tokens", usage.outputTokens)
                    $0.member("reasoning_tokens", usage.reasoningTokens)
                    $0.member("estimated", usage.isEstimated)
                }
            }
            json.member("cost_micros", cost)
            json.member("limit", limit?.rawValue)
            json.member("repair", isRepair)
            json.member("time_to_first_chunk_ms", timeToFirstChunk.map { Double($0.microseconds) / 1000 })
            json.member("context", context)
        }
    }
}
