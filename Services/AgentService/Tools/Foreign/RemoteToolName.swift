import Crypto
import Kernel

/// The name under which a tool of a server is known here: `<server>__<tool>`, within what all model providers take.
enum RemoteToolName {
    /// Of all names.
    private static let maximum = 64

    /// The same for the same two names, always; a name that has to be changed ends with a hash of what it was.
    static func of(_ tool: String, at server: String) -> String {
        let plain = String(tool.map { $0 == "." || $0 == "/" ? "_" : $0 })
        let whole = "\(server)__\(plain)"
        if plain == tool, whole.utf8.count <= maximum { return whole }
        let hash = Hex.encode(Array(SHA256.hash(Array(tool.utf8)).prefix(4)))
        return "\(whole.prefix(maximum - 9))_\(hash)"
    }

    /// Whether a server may be called so: 1 to 24 letters, digits, `-` and single `_`.
    static func isServer(_ name: String) -> Bool {
        (1...24).contains(name.utf8.count) && ToolRegistry.isName(name) && !name.contains("__") && !name.hasSuffix("_")
    }
}
