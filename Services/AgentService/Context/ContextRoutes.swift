import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Store

/// The HTTP route that shows and explains a context.
struct ContextRoutes: Sendable {
    let assembly: ContextAssembly

    func add(to api: inout API) {
        let schema = JSONSchema.object([
            .optional("card_id", .uuid.described("the card in hand")),
            .optional("budget", .integer(0...1_000_000).described("tokens, by estimate").defaulting(to: 8_000)),
        ])
        api.add(
            Operation(
                .post,
                "/api/projects/{id}/context",
                "what a model is told of a project within a budget, what is left out, and why",
                scope: .projectsRead,
                body: .json(schema)
            )
        ) { call in
            let request = ContextRequest(
                project: try call.id(of: "PROJECT"),
                card: call.body.value("card_id")?.string.flatMap { CardID($0) },
                budget: call.body.value("budget")?.int ?? 8_000,
                limit: call.principal.project
            )
            return .json(ContextExplanation(request: request, context: try await assembly.assemble(request)))
        }
    }
}
