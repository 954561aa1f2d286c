/// Two lists of C strings that end in NULL, as libpq takes keywords and values.
struct CStringLists {
    private let bytes: [UInt8]
    private let keywords: [Int]
    private let values: [Int]

    init(keywords: [String], values: [String]) {
        var bytes: [UInt8] = []
        func place(_ text: String) -> Int {
            let start = bytes.count
            bytes += text.utf8
            bytes.append(0)
            return start
        }
        self.keywords = keywords.map(place)
        self.values = values.map(place)
        self.bytes = bytes
    }

    /// Lends the lists during `body`.
    func with<Value>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) -> Value
    ) -> Value? {
        unsafe bytes.withUnsafeBytes { raw -> Value? in
            guard let base = unsafe raw.baseAddress?.assumingMemoryBound(to: CChar.self) else { return nil }
            // Each place is the start of a terminated string within the bytes.
            let keys = unsafe keywords.map { unsafe Optional(base + $0) } + [nil]
            let texts = unsafe values.map { unsafe Optional(base + $0) } + [nil]
            return unsafe keys.withUnsafeBufferPointer { keys -> Value? in
                unsafe texts.withUnsafeBufferPointer { texts -> Value? in
                    guard let keys = keys.baseAddress, let texts = texts.baseAddress else { return nil }
                    return unsafe body(keys, texts)
                }
            }
        }
    }
}

extension ParameterBuffer {
    /// Lends the parameters as libpq's parallel lists during `body`.
    func withLists<Value>(
        _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Value
    ) -> Value {
        let count = parameters.count
        if count == 0 { return body(0, nil, nil, nil) }
        // An empty value needs an address all the same, since NULL would mean SQL NULL; nothing is read from it.
        return unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { values in
            unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: count * 2) { numbers in
                unsafe bytes.withUnsafeBytes { raw in
                    let empty: StaticString = ""
                    let base = unsafe raw.baseAddress?.assumingMemoryBound(to: CChar.self)
                    for (index, parameter) in parameters.enumerated() {
                        let start =
                            unsafe base.map { unsafe $0 + parameter.start }
                            ?? UnsafeRawPointer(empty.utf8Start).assumingMemoryBound(to: CChar.self)
                        unsafe values.initializeElement(at: index, to: parameter.length < 0 ? nil : start)
                        unsafe numbers.initializeElement(
                            at: index,
                            to: Int32(truncatingIfNeeded: max(0, parameter.length))
                        )
                        unsafe numbers.initializeElement(at: count + index, to: 1)
                    }
                    return unsafe body(
                        Int32(truncatingIfNeeded: count),
                        UnsafePointer(values.baseAddress),
                        UnsafePointer(numbers.baseAddress),
                        numbers.baseAddress.map { unsafe UnsafePointer($0 + count) }
                    )
                }
            }
        }
    }
}
