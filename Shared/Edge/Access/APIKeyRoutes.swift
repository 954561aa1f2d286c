import Contracts
import HTTPServer
import JSON
import Kernel
public import Store

extension API {
    /// Adds the routes that administer API keys.
    public mutating func addKeys(_ keys: APIKeyStore) {
        let schema = JSONSchema.object([
            .required("name", .string(1...200)),
            .required("scopes", .array(of: .word(Scope.allCases.map(\.rawValue)), 1...20)),
            .optional("project_id", .uuid.described("the only project the key may see")),
            .optional("expires_in_ms", .integer(1000...315_360_000_000)),
        ])
        add(
            Operation(
                .post,
                "/api/keys",
                "make an API key; its token is shown once",
                scope: .admin,
                body: .json(schema),
                success: 201
            )
        ) {
            call in
            let (key, token) = try await keys.create(
                name: call.body["name"]?.string ?? "",
                scopes: Set(
                    call.body["scopes"]?.elements.compactMap { $0.string.flatMap(Scope.init(rawValue:)) } ?? []
                ),
                project: call.body.value("project_id")?.string.flatMap { ProjectID($0) },
                lifetime: call.body.value("expires_in_ms")?.int.map { .milliseconds($0) }
            )
            return .json(.created) { json in
                json.object {
                    $0.member("token", token.reveal())
                    $0.member("key", key)
                }
            }
        }
        add(Operation(.get, "/api/keys", "list API keys", scope: .admin, query: QueryField.page)) { call in
            let page = try call.page()
            return page.reply(try await keys.list(after: page.after.map { APIKeyID($0) }, limit: page.limit + 1)) {
                $0.id.uuid
            }
        }
        add(Operation(.delete, "/api/keys/{id}", "revoke an API key", scope: .admin, success: 204)) { call in
            guard try await keys.revoke(call.id(of: "KEY")) else { throw ServiceError.notFound("KEY") }
            return .noContent
        }
    }
}
