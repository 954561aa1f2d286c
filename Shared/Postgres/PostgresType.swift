/// The number by which Postgres knows a type: `pg_type.oid`.
public struct PostgresType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The type's oid.
    public let rawValue: UInt32

    /// Names a type by its oid.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    // The built-in types have had these numbers since they exist: src/include/catalog/pg_type.dat.
    static let bool = PostgresType(rawValue: 16)
    static let bytea = PostgresType(rawValue: 17)
    static let char = PostgresType(rawValue: 18)
    static let name = PostgresType(rawValue: 19)
    static let int8 = PostgresType(rawValue: 20)
    static let int2 = PostgresType(rawValue: 21)
    static let int4 = PostgresType(rawValue: 23)
    static let text = PostgresType(rawValue: 25)
    static let oid = PostgresType(rawValue: 26)
    static let xid = PostgresType(rawValue: 28)
    static let json = PostgresType(rawValue: 114)
    static let float4 = PostgresType(rawValue: 700)
    static let float8 = PostgresType(rawValue: 701)
    static let unknown = PostgresType(rawValue: 705)
    static let bpchar = PostgresType(rawValue: 1042)
    static let varchar = PostgresType(rawValue: 1043)
    static let timestamp = PostgresType(rawValue: 1114)
    static let timestamptz = PostgresType(rawValue: 1184)
    static let interval = PostgresType(rawValue: 1186)
    static let uuid = PostgresType(rawValue: 2950)
    static let jsonb = PostgresType(rawValue: 3802)
    static let xid8 = PostgresType(rawValue: 5069)

    static let boolArray = PostgresType(rawValue: 1000)
    static let byteaArray = PostgresType(rawValue: 1001)
    static let int2Array = PostgresType(rawValue: 1005)
    static let int4Array = PostgresType(rawValue: 1007)
    static let textArray = PostgresType(rawValue: 1009)
    static let int8Array = PostgresType(rawValue: 1016)
    static let float8Array = PostgresType(rawValue: 1022)
    static let timestamptzArray = PostgresType(rawValue: 1185)
    static let intervalArray = PostgresType(rawValue: 1187)
    static let uuidArray = PostgresType(rawValue: 2951)
    static let jsonArray = PostgresType(rawValue: 199)
    static let jsonbArray = PostgresType(rawValue: 3807)
    static let xid8Array = PostgresType(rawValue: 271)

    /// Whether the type was made by `CREATE TYPE` and the like; enums are, and travel as their label.
    var isUserDefined: Bool { rawValue >= 16_384 }

    /// `type 25`
    public var description: String { "type \(rawValue)" }
}
