/// Something of ours that reads bytes from outside, and what must hold whatever they are.
struct FuzzTarget: Sendable {
    /// A promise that did not hold.
    struct Broken: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    let name: String
    /// Good inputs, to be changed.
    let corpus: [[UInt8]]
    /// Reads an input and says whether it was accepted. Throws `Broken`; that it returns at all is a promise too.
    let check: @Sendable (_ input: [UInt8], _ random: inout Generator) throws -> Bool

    init(
        _ name: String,
        _ corpus: [String],
        bytes: [[UInt8]] = [],
        _ check: @escaping @Sendable (_ input: [UInt8], _ random: inout Generator) throws -> Bool
    ) {
        self.name = name
        self.corpus = corpus.map { Array($0.utf8) } + bytes
        self.check = check
    }

    /// A target that reads text: what is not UTF-8 never gets so far.
    init(
        text name: String,
        _ corpus: [String],
        _ check: @escaping @Sendable (_ input: String, _ random: inout Generator) throws -> Bool
    ) {
        self.init(name, corpus) { input, random in try check(String(decoding: input, as: UTF8.self), &random) }
    }

    /// A type whose description reads back as the same value.
    init<Value: LosslessStringConvertible & Equatable & SendableMetatype>(
        _ name: String,
        _: Value.Type,
        _ corpus: [String]
    ) {
        self.init(text: name, corpus) { text, _ in
            guard let value = Value(text) else { return false }
            guard Value(value.description) == value else {
                throw Broken("\(text.debugDescription) is read, and written as \(value.description.debugDescription)")
            }
            return true
        }
    }
}
