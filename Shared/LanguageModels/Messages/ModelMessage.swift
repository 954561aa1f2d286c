/// A message of a conversation.
public struct ModelMessage: Sendable, Hashable {
    /// Who speaks.
    public enum Role: String, Sendable, Hashable, CaseIterable {
        case user, assistant
        /// Its parts are results of tools.
        case tool
    }

    /// Who speaks.
    public var role: Role
    /// What, in order.
    public var parts: [ModelPart]

    /// A message.
    public init(_ role: Role, _ parts: [ModelPart]) {
        self.role = role
        self.parts = parts
    }

    /// All that is said, without calls, results and reasoning.
    public var text: String {
        parts.reduce(into: "") { text, part in
            if case .text(let piece) = part { text += piece }
        }
    }

    /// The tools that are asked for, in order.
    public var toolCalls: [ModelToolCall] {
        parts.compactMap { part in
            if case .toolCall(let call) = part { call } else { nil }
        }
    }
}
