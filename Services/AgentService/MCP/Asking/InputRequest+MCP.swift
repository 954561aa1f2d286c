import JSON

/// How questions look on the wire, in both eras.
extension InputRequest {
    var method: String {
        switch self {
        case .form, .page: "elicitation/create"
        case .sampling: "sampling/createMessage"
        case .roots: "roots/list"
        }
    }

    var parameters: RawJSON {
        RawJSON(
            JSONWriter.bytes { json in
                json.object { json in
                    switch self {
                    case .form(let message, let schema):
                        json.member("mode", "form")
                        json.member("message", message)
                        json.member("requestedSchema", schema)
                    case .page(let message, let url, let id):
                        json.member("mode", "url")
                        json.member("message", message)
                        json.member("url", url)
                        json.member("elicitationId", id)
                    case .sampling(let text, let maxTokens):
                        json.member("messages") { json in
                            json.array { json in
                                json.object {
                                    $0.member("role", "user")
                                    $0.member("content", ToolAnswer.Content.text(text))
                                }
                            }
                        }
                        json.member("maxTokens", maxTokens)
                    case .roots: break
                    }
                }
            }
        )
    }
}

extension InputRequest.Kind {
    /// What a client has declared in its capabilities. One that says only that it knows elicitation knows forms.
    static func declared(in capabilities: JSONElement?) -> Set<InputRequest.Kind> {
        func has(_ name: String) -> Bool { capabilities?[name]?.kind == .object }
        var kinds: Set<InputRequest.Kind> = []
        if has("elicitation"), let modes = capabilities?["elicitation"] {
            if modes["form"] != nil || modes.members.allSatisfy({ _ in false }) { kinds.insert(.form) }
            if modes["url"] != nil { kinds.insert(.page) }
        }
        if has("sampling") { kinds.insert(.sampling) }
        if has("roots") { kinds.insert(.roots) }
        return kinds
    }

    /// How a client declares these.
    static func declaration(of kinds: Set<InputRequest.Kind>) -> RawJSON {
        let modes = [(Self.form, "form"), (.page, "url")].filter { kinds.contains($0.0) }.map(\.1)
        return RawJSON(
            JSONWriter.bytes { json in
                json.object { json in
                    if !modes.isEmpty {
                        json.member("elicitation") { json in
                            json.object { for mode in modes { $0.member(mode, RawJSON.emptyObject) } }
                        }
                    }
                    if kinds.contains(.sampling) { json.member("sampling", RawJSON.emptyObject) }
                    if kinds.contains(.roots) { json.member("roots", RawJSON.emptyObject) }
                }
            }
        )
    }
}
