import Kernel

extension Identifier {
    /// An id among the arguments.
    init(argument: String) throws(UsageError) {
        guard let id = Identifier(argument) else { throw UsageError("\(argument) is not an id") }
        self = id
    }
}
