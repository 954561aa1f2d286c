import Contracts
import Edge
import HTTPServer
import JSON
import Lifecycle

/// `GET /asyncapi.json`: the WebSocket's messages as AsyncAPI 3.0, made from the types that are sent and read.
struct AsyncAPIPage: Sendable {
    func add(to api: inout API) {
        let page = bytes
        api.add(Operation(.get, "/asyncapi.json", "the WebSocket's messages as AsyncAPI 3.0", scope: nil)) { _ in
            .json(bytes: page)
        }
    }

    var bytes: [UInt8] {
        JSONWriter.bytes { json in
            json.object { json in
                json.member("asyncapi", "3.0.0")
                json.member("info") { json in
                    json.object {
                        $0.member("title", "Martlet notification")
                        $0.member("version", Version.current)
                        $0.member("description", "Updates of jobs, cards and projects as they happen.")
                    }
                }
                json.member("defaultContentType", "application/json")
                json.member("channels") { json in
                    json.object { $0.member("updates") { writeChannel(to: &$0) } }
                }
                json.member("operations") { json in json.object { writeOperations(to: &$0) } }
                json.member("components") { json in
                    json.object { json in
                        json.member("messages") { json in
                            json.object { json in
                                for type in ServerMessageType.allCases { write(type, examples: [], to: &json) }
                                for type in ClientMessageType.allCases {
                                    write(type, examples: type.examples.map { RawJSON($0) }, to: &json)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private func writeChannel(to json: inout JSONWriter) {
        json.object { json in
            json.member("address", "/ws")
            json.member(
                "description",
                "Subprotocol \(SocketRoutes.subprotocol), or none. See the pages on live updates."
            )
            json.member("messages") { json in
                json.object { json in
                    let names = ServerMessageType.allCases.map(\.rawValue) + ClientMessageType.allCases.map(\.rawValue)
                    for name in names {
                        json.member(name) { json in
                            json.object { $0.member("$ref", "#/components/messages/\(name)") }
                        }
                    }
                }
            }
            json.member("bindings") { json in
                json.object { json in
                    json.member("ws") { json in
                        json.object {
                            $0.member("method", "GET")
                            $0.member("query", query)
                            $0.member("bindingVersion", "0.1.0")
                        }
                    }
                }
            }
        }
    }

    private var query: JSONSchema {
        .object([
            .optional("context_id", .string(1...150).described("watched at once; may be repeated")),
            .optional("cursor", .string(1...64).described("from where, for the contexts of the URL")),
            .optional("ticket", .string(1...100).described("one-use, from POST /api/tickets")),
        ])
    }

    private func writeOperations(to json: inout JSONWriter) {
        for (name, action, types) in [
            ("serve", "send", ServerMessageType.allCases.map(\.rawValue)),
            ("listen", "receive", ClientMessageType.allCases.map(\.rawValue)),
        ] {
            json.member(name) { json in
                json.object { json in
                    json.member("action", action)
                    json.member("channel") { json in json.object { $0.member("$ref", "#/channels/updates") } }
                    json.member("messages") { json in
                        json.array { json in
                            for type in types {
                                json.object { $0.member("$ref", "#/channels/updates/messages/\(type)") }
                            }
                        }
                    }
                }
            }
        }
    }

    private func write(_ type: some MessageType, examples: [RawJSON], to json: inout JSONWriter) {
        json.member(type.rawValue) { json in
            json.object { json in
                json.member("name", type.rawValue)
                json.member("summary", type.summary)
                json.member("payload", type.schema)
                guard !examples.isEmpty else { return }
                json.member("examples") { json in
                    json.array { json in
                        for example in examples { json.object { $0.member("payload", example) } }
                    }
                }
            }
        }
    }
}
