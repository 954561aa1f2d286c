import Contracts
import HTTPServer
import JSON
import Lifecycle

/// A service's OpenAPI 3.1 description, made from the operations that decode its requests.
struct OpenAPIPage {
    static let operation = Operation(.get, "/openapi.json", "this description", scope: nil)

    let service: String
    let operations: [Operation]

    var bytes: [UInt8] {
        JSONWriter.bytes { json in
            json.object { json in
                json.member("openapi", "3.1.0")
                json.member("info") { json in
                    json.object {
                        $0.member("title", "Martlet \(service)")
                        $0.member("version", Version.current)
                    }
                }
                json.member("paths") { json in json.object { writePaths(to: &$0) } }
                json.member("components") { json in json.object { writeComponents(to: &$0) } }
            }
        }
    }

    private func writePaths(to json: inout JSONWriter) {
        var seen: [String] = []
        for operation in operations where !seen.contains(operation.pattern) { seen.append(operation.pattern) }
        for pattern in seen {
            json.member(pattern) { json in
                json.object { json in
                    for operation in operations where operation.pattern == pattern {
                        json.member(operation.method.rawValue.lowercased()) { write(operation, to: &$0) }
                    }
                }
            }
        }
    }

    private func write(_ operation: Operation, to json: inout JSONWriter) {
        json.object { json in
            json.member("summary", operation.summary)
            if let scope = operation.scope {
                json.member("security") { json in
                    json.array { json in json.object { $0.member("token", [scope.rawValue]) } }
                }
            }
            json.member("parameters") { json in json.array { writeParameters(operation, to: &$0) } }
            switch operation.body {
            case .none: break
            case .json(let schema, _):
                writeBody("application/json", schema, isRequired: !operation.mayOmitBody, to: &json)
            case .stream: writeBody("application/octet-stream", .any, isRequired: true, to: &json)
            }
            json.member("responses") { json in
                json.object { json in
                    json.member("\(operation.success)") { json in
                        json.object { json in
                            json.member("description", "success")
                            if operation.success != 204, operation.answersJSON {
                                json.member("content") { content("application/json", operation.answer, to: &$0) }
                            }
                        }
                    }
                    json.member("default") { json in
                        json.object { $0.member("$ref", "#/components/responses/Error") }
                    }
                }
            }
        }
    }

    private func writeParameters(_ operation: Operation, to json: inout JSONWriter) {
        for part in operation.pattern.split(separator: "/") where part.hasPrefix("{") {
            json.object {
                $0.member("name", String(part.dropFirst().dropLast()))
                $0.member("in", "path")
                $0.member("required", true)
                $0.member("schema", JSONSchema.string(1...200))
            }
        }
        for field in operation.query {
            json.object {
                $0.member("name", field.name)
                $0.member("in", "query")
                $0.member("description", field.help)
                $0.member("schema", field.schema)
            }
        }
    }

    private func writeBody(_ type: String, _ schema: JSONSchema, isRequired: Bool, to json: inout JSONWriter) {
        json.member("requestBody") { json in
            json.object { json in
                json.member("required", isRequired)
                json.member("content") { content(type, schema, to: &$0) }
            }
        }
    }

    private func content(_ type: String, _ schema: JSONSchema, to json: inout JSONWriter) {
        json.object { json in
            json.member(type) { json in json.object { $0.member("schema", schema) } }
        }
    }

    private func writeComponents(to json: inout JSONWriter) {
        json.member("securitySchemes") { json in
            json.object { json in
                json.member("token") { json in
                    json.object {
                        $0.member("type", "http")
                        $0.member("scheme", "bearer")
                    }
                }
            }
        }
        json.member("responses") { json in
            json.object { json in
                json.member("Error") { json in
                    json.object { json in
                        json.member("description", "what went wrong")
                        json.member("content") { content("application/json", OpenAPIPage.errorSchema, to: &$0) }
                    }
                }
            }
        }
    }

    private static let errorSchema = JSONSchema.object([
        .required(
            "error",
            .object([
                .required("code", .string(1...100)), .required("message", .string(0...2000)),
                .required("details", .anyObject), .required("request_id", .string(1...128)),
                .required("retryable", .boolean),
            ])
        )
    ])
}
