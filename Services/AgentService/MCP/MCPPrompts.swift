import JSON

/// A prompt that a client may offer to people.
struct MCPPrompt: Sendable {
    struct Argument: Sendable {
        let name: String
        let summary: String
        var isRequired = true
    }

    let name: String
    let title: String
    let summary: String
    var arguments: [Argument] = []
    /// The text of the one message, with the arguments in it; it may ask the caller for more.
    let text: @Sendable ([String: String], CallerInput) throws -> [ToolAnswer.Content]
}

extension MCPPrompt: JSONWritable {
    /// Writes what a client is told of the prompt.
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("name", name)
            json.member("title", title)
            json.member("description", summary)
            guard !arguments.isEmpty else { return }
            json.member("arguments") { json in
                json.array { json in
                    for argument in arguments {
                        json.object {
                            $0.member("name", argument.name)
                            $0.member("description", argument.summary)
                            $0.member("required", argument.isRequired)
                        }
                    }
                }
            }
        }
    }

    /// The service's own.
    static let all: [MCPPrompt] = [
        MCPPrompt(
            name: "plan_activity",
            title: "Plan an activity",
            summary: "Plans the next step of a project as an activity with its cards.",
            arguments: [
                Argument(name: "project_id", summary: "The project"),
                Argument(name: "goal", summary: "What the step should yield"),
            ]
        ) { given, _ in
            let (project, goal) = (given["project_id"] ?? "", given["goal"] ?? "")
            return [
                .text(
                    """
                    Read the project's memory (martlet://projects/\(project)/memory, or the tool get_project_memory with id \
                    \(project)). Then plan one activity that reaches this goal: \(goal)

                    Give it a title, the task_type of what it yields (image, video, text or audio), and a card for each \
                    piece, with a prompt that stands alone. Build on approved assets, do not repeat what is there. Show \
                    the plan; make it with create_activity when it is agreed to.
                    """
                )
            ]
        },
        MCPPrompt(
            name: "review_card",
            title: "Review a card",
            summary: "Reviews what was made for a card.",
            arguments: [Argument(name: "card_id", summary: "The card")]
        ) { given, _ in
            let card = given["card_id"] ?? ""
            return [
                .text(
                    """
                    Read the card's memory (martlet://cards/\(card)/memory, or the tool get_card_memory with id \(card)). Say for \
                    each asset whether it is what the card's prompt asks for, and why jobs failed if some did. Propose to \
                    approve the best one, or a better prompt. Change nothing before it is agreed to.
                    """
                )
            ]
        },
    ]
}
