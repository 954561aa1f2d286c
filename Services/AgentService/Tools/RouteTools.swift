import Contracts
import Edge
import HTTPServer
import JSON
import Kernel

/// Tools that are routes of this service: the same rules, checks, events and refusals, by construction.
struct RouteTools: Sendable {
    private let api: API

    init(_ api: API) { self.api = api }

    /// All of them.
    var tools: [Tool] { projects + notes + cards + assets + threads }

    private var projects: [Tool] {
        [
            tool("list_projects", "List projects", "Lists the projects, newest first.", .get, "/api/projects"),
            tool("get_project", "Show a project", "Returns one project by its id.", .get, "/api/projects/{id}"),
            tool(
                "get_project_memory",
                "Recall a project",
                """
                Returns what there is to know of a project at one moment: its activities and cards in order, its approved \
                assets and its newest jobs. Read this first.
                """,
                .get,
                "/api/projects/{id}/memory"
            ),
            tool("create_project", "Make a project", "Makes a project.", .post, "/api/projects", .write),
            tool(
                "update_project",
                "Change a project",
                "Changes a project's texts.",
                .patch,
                "/api/projects/{id}",
                .write
            ),
            tool(
                "delete_project",
                "Delete a project",
                "Deletes a project with all its activities, cards, assets and threads. This cannot be undone.",
                .delete,
                "/api/projects/{id}",
                .irreversible
            ),
        ]
    }

    private var notes: [Tool] {
        [
            tool(
                "explain_context",
                "Explain a context",
                """
                Returns what a model is told of a project, or of one card of it, within a budget of tokens: the text, what \
                each part of it costs and where it comes from, and what was left out and why.
                """,
                .post,
                "/api/projects/{id}/context"
            ),
            tool(
                "list_notes",
                "List notes",
                "Lists a project's notes, newest first.",
                .get,
                "/api/projects/{id}/notes"
            ),
            tool(
                "add_note",
                "Remember something",
                """
                Notes what is to be remembered of a project. What comes from a tool's answer, a page or a file has the \
                source tool and is used only once a person has approved it.
                """,
                .post,
                "/api/projects/{id}/notes",
                .write,
                // A model's words are never a person's.
                requiring: [.required("source", NoteRoutes.source([.agent, .tool]))],
                afterForeign: RawJSON(#"{"source":"tool"}"#)
            ),
        ]
    }

    private var cards: [Tool] {
        [
            tool(
                "list_activities",
                "List activities",
                "Lists a project's activities in order, each with an overview of its cards.",
                .get,
                "/api/projects/{id}/activities"
            ),
            tool(
                "create_activity",
                "Plan an activity",
                "Makes an activity (one step of a project, of one kind of media) together with its cards (the tasks).",
                .post,
                "/api/projects/{id}/activities",
                .write
            ),
            tool(
                "update_activity",
                "Change an activity",
                "Changes an activity.",
                .patch,
                "/api/activities/{id}",
                .write
            ),
            tool(
                "move_activity",
                "Move an activity",
                "Gives an activity another place in its project.",
                .post,
                "/api/activities/{id}/move",
                .write
            ),
            tool(
                "delete_activity",
                "Delete an activity",
                "Deletes an activity with its cards. This cannot be undone.",
                .delete,
                "/api/activities/{id}",
                .irreversible
            ),
            tool(
                "create_card",
                "Make a card",
                "Adds a card to an activity.",
                .post,
                "/api/activities/{id}/cards",
                .write
            ),
            tool("get_card", "Show a card", "Returns one card with its prompt and params.", .get, "/api/cards/{id}"),
            tool(
                "get_card_memory",
                "Recall a card",
                "Returns what there is to know of a card: its project and activity, its assets and its newest jobs.",
                .get,
                "/api/cards/{id}/memory"
            ),
            tool(
                "update_card",
                "Change a card",
                "Changes a card's texts, params or status.",
                .patch,
                "/api/cards/{id}",
                .write
            ),
            tool("move_card", "Move a card", "Gives a card another place.", .post, "/api/cards/{id}/move", .write),
            tool(
                "delete_card",
                "Delete a card",
                "Deletes a card. This cannot be undone.",
                .delete,
                "/api/cards/{id}",
                .irreversible
            ),
        ]
    }

    private var assets: [Tool] {
        [
            tool(
                "list_assets",
                "List assets",
                "Lists a project's assets, newest first.",
                .get,
                "/api/projects/{id}/assets"
            ),
            tool("get_asset", "Show an asset", "Returns one asset.", .get, "/api/assets/{id}"),
            tool(
                "approve_asset",
                "Approve an asset",
                "Approves an asset; approving it again changes nothing.",
                .post,
                "/api/assets/{id}/approval",
                .write,
                isIdempotent: true
            ),
            tool(
                "revoke_asset_approval",
                "Take an approval back",
                "Takes the approval of an asset back.",
                .delete,
                "/api/assets/{id}/approval",
                .write
            ),
            tool(
                "submit_job",
                "Submit a job",
                """
                Submits a job that generates something for a card, and returns at once; its result becomes an asset of the \
                card. The card's params are the job's where it does not say otherwise.
                """,
                .post,
                "/api/cards/{id}/jobs",
                .irreversible,
                isOpen: true,
                startsJob: true
            ),
            tool(
                "list_card_jobs",
                "List a card's jobs",
                "Lists a card's jobs, newest first.",
                .get,
                "/api/cards/{id}/jobs"
            ),
        ]
    }

    private var threads: [Tool] {
        [
            tool("list_threads", "List threads", "Lists the threads of agents, newest first.", .get, "/api/threads"),
            tool(
                "list_checkpoints",
                "Look into a thread",
                "Lists a thread's checkpoints, newest first, with their values.",
                .get,
                "/api/threads/{id}/checkpoints"
            ),
        ]
    }

    private func tool(
        _ name: String,
        _ title: String,
        _ summary: String,
        _ method: HTTPServer.Method,
        _ pattern: String,
        _ effect: Tool.Effect = .read,
        isIdempotent: Bool = false,
        isOpen: Bool = false,
        startsJob: Bool = false,
        requiring properties: [JSONSchema.Property] = [],
        afterForeign: RawJSON? = nil
    ) -> Tool {
        Tool(
            name: name,
            title: title,
            summary: summary,
            input: api.arguments(of: method, pattern).replacing(properties),
            effect: effect,
            isIdempotent: isIdempotent,
            // Every route with an effect takes the key.
            isRepeatable: true,
            isOpen: isOpen,
            scope: api.scope(of: method, pattern),
            startsJob: startsJob,
            afterForeign: afterForeign
        ) { [api] call in
            let inner = InnerCall(
                as: call.principal,
                requestID: call.requestID,
                trace: call.trace,
                arguments: call.arguments,
                key: call.key
            )
            let reply = try await api.perform(method, pattern, inner)
            return .object(reply.json ?? .emptyObject)
        }
    }
}
