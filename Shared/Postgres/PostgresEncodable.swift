/// A value that can be a bind parameter.
///
/// An enum with raw values needs only the conformance: `enum JobState: String, PostgresEncodable { … }`.
public protocol PostgresEncodable: Sendable {
    /// The type the parameter has in the statement.
    static var postgresType: PostgresType { get }
    /// Appends the value in binary; returns `false`, without having appended, for NULL.
    func encode(into buffer: inout ParameterBuffer) -> Bool
}

/// A value of which arrays can be bind parameters, as `unnest` takes them.
public protocol PostgresArrayElement: PostgresEncodable {
    /// The type of an array of this.
    static var postgresArrayType: PostgresType { get }
    /// Appends an array of this in binary.
    static func encode(array: [Self], into buffer: inout ParameterBuffer)
}

extension PostgresArrayElement {
    /// Writes a one-dimensional array.
    public static func encode(array: [Self], into buffer: inout ParameterBuffer) { buffer.writeArray(array) }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    /// The raw value's type.
    public static var postgresType: PostgresType { RawValue.postgresType }
    /// Writes the raw value.
    public func encode(into buffer: inout ParameterBuffer) -> Bool { rawValue.encode(into: &buffer) }
}

extension PostgresArrayElement where Self: RawRepresentable, RawValue: PostgresArrayElement {
    /// The type of an array of raw values.
    public static var postgresArrayType: PostgresType { RawValue.postgresArrayType }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The wrapped value's type.
    public static var postgresType: PostgresType { Wrapped.postgresType }
    /// Writes the value, or NULL for `nil`.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        guard let self else { return false }
        return self.encode(into: &buffer)
    }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement {
    /// The type of an array of wrapped values.
    public static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    /// The array's type; `[UInt8]` is `bytea`.
    public static var postgresType: PostgresType { Element.postgresArrayType }
    /// Writes the array.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        Element.encode(array: self, into: &buffer)
        return true
    }
}

/// Arrays of `bytea`.
extension Array: PostgresArrayElement where Element == UInt8 {
    /// `bytea[]`
    public static var postgresArrayType: PostgresType { .byteaArray }
}
