import Contracts
import Crypto
import JSON
import Kernel
import Store

/// What a call of the modern era leaves with its client from one round to the next.
struct MCPRequestState: Sendable {
    /// The same in all rounds.
    let call: UUID
    /// What was asked in the last round.
    var asked: [String]
    var answers: [String: JSONElement]

    /// Takes the answers to what was asked, and no others.
    mutating func take(_ given: JSONElement?) {
        for name in asked { if let answer = given?.value(name) { answers[name] = answer } }
    }
}

/// Makes states that nobody but us can make, read or change. One opens for the call that it was made for alone: the same
/// method, tool and arguments in the name of the same principal, within ten minutes, whichever replica is asked.
struct MCPSeal: Sendable {
    private static let term = Duration.seconds(600)
    /// Bytes of a state.
    private static let most = 256 << 10

    private let key: [UInt8]
    private let clock: WallClock

    init(secret: Secret<String>, clock: WallClock = .system) {
        key = HMAC.sha256(key: Array(secret.reveal().utf8), message: Array("martlet: MCP requestState".utf8))
        self.clock = clock
    }

    /// Seals a state for the call that `request` is a round of.
    ///
    /// - Throws: `MCPError` when its answers are too long to be kept.
    func seal(_ state: MCPRequestState, for request: MCPRequest) throws -> String {
        let plain = JSONWriter.bytes { json in
            json.object { json in
                json.member("call", state.call)
                json.member("until", (clock.now() + MCPSeal.term).microseconds)
                json.member("asked", state.asked)
                json.member("answers") { json in
                    json.object { for (name, answer) in state.answers { $0.member(name, answer) } }
                }
            }
        }
        guard plain.count <= MCPSeal.most else { throw MCPError.parameters("the answers are too long") }
        return Base64URL.encode(try AESGCM.seal(plain, key: key, associatedData: MCPSeal.place(of: request)))
    }

    /// Opens what `seal` has made.
    ///
    /// - Throws: `MCPError` for anything else, and for what is too old.
    func open(_ text: String, for request: MCPRequest) throws -> MCPRequestState {
        let plain: JSONElement
        do {
            let sealed = Base64URL.decode(text) ?? []
            plain = try JSONDocument(
                parsing: AESGCM.open(sealed, key: key, associatedData: MCPSeal.place(of: request))
            )
            .root
        } catch CryptoError.notAuthentic {
            throw MCPError.parameters("requestState is not what this call was given; make the call again without it")
        }
        guard let call = plain["call"]?.string.flatMap({ UUID($0) }),
            let until = plain["until"]?.int, clock.now().microseconds < until
        else { throw MCPError.parameters("requestState has expired; make the call again without it") }
        return MCPRequestState(
            call: call,
            asked: plain["asked"]?.elements.compactMap(\.string) ?? [],
            answers: Dictionary(plain["answers"]?.members.map { ($0.name, $0.value) } ?? []) { $1 }
        )
    }

    /// What a state is bound to.
    private static func place(of request: MCPRequest) -> [UInt8] {
        let asked = JSONWriter.bytes { json in
            json.object { json in
                for name in ["name", "arguments"] { json.member(name, request.parameters.value(name)) }
            }
        }
        return JSONWriter.bytes { json in
            json.array {
                $0.value(request.principal.name)
                $0.value(request.principal.project)
                $0.value(request.message.method)
                $0.value(Hex.encode(RunApproval.digest(of: RawJSON(asked))))
            }
        }
    }
}
