import JSON
import Kernel
import Postgres
import Testing

@Suite(.timeLimit(.minutes(1))) struct TypeTests {
    enum Color: String, PostgresArrayElement, PostgresDecodable, CaseIterable {
        case red, green
    }

    enum Subject {}

    /// Sends a value to the server and reads it back.
    private func echo<Value: PostgresEncodable & PostgresDecodable>(_ value: Value, in pool: Pool) async throws -> Value
    {
        try await pool.query("SELECT \(value)")[0].decode(0)
    }

    private func check<Value: PostgresArrayElement & PostgresDecodable & Equatable>(
        _ values: [Value],
        in pool: Pool
    ) async throws {
        for value in values {
            #expect(try await echo(value, in: pool) == value)
            #expect(try await echo(Optional(value), in: pool) == value)
        }
        #expect(try await echo(nil as Value?, in: pool) == nil)
        #expect(try await echo(values, in: pool) == values)
        let gaps = values.map(Optional.init) + [nil] + values.map(Optional.init)
        #expect(try await echo(gaps, in: pool) == gaps)
        #expect(try await echo([] as [Value], in: pool) == [])
    }

    @Test func `every type comes back as it went, alone, in arrays and as NULL`() async throws {
        try await withPool { pool, _ in
            try await check([true, false], in: pool)
            try await check(["", "a", "naïve 日本語 👩‍👩‍👧‍👦", "'; DROP TABLE x; --", "\\x00", "NULL", "{}"], in: pool)
            try await check([Int16.min, -1, 0, .max], in: pool)
            try await check([Int32.min, -1, 0, .max], in: pool)
            try await check([Int64.min, -1, 0, .max], in: pool)
            try await check([Int.min, -1, 0, .max], in: pool)
            try await check([0, -0.0, 1.5, .infinity, -.infinity, .leastNonzeroMagnitude], in: pool)
            try await check([[UInt8](), [0], Array(0...255)], in: pool)
            try await check([UUID(high: 0, low: 0), UUID(high: .max, low: 1)], in: pool)
            try await check([Identifier<Subject>(UUID(high: 1, low: .max))], in: pool)
            try await check(
                [
                    Timestamp(microseconds: 0), Timestamp(microseconds: -1),
                    Timestamp(microseconds: 1_700_000_000_123_456),
                ],
                in: pool
            )
            try await check([Duration.zero, .microseconds(-1), .seconds(86_400 * 3)], in: pool)
            try await check([TransactionID(rawValue: 3), TransactionID(rawValue: .max)], in: pool)
            try await check(Color.allCases, in: pool)
        }
    }

    @Test func `the server reads what we write`() async throws {
        try await withPool { pool, _ in
            let moment = try #require(Timestamp("1969-12-31T23:59:59.250Z"))
            let row =
                try await
                pool.query(
                    """
                    SELECT \(moment)::text = '1969-12-31 23:59:59.25+00', \(Duration.milliseconds(1500)) = interval '1.5 s',
                           \([UInt8](arrayLiteral: 1, 255)) = '\\x01ff'::bytea, \(["a", nil, "b"]) = ARRAY['a', NULL, 'b'],
                           (\(RawJSON("{\"a\":[1,2]}")) -> 'a' ->> 1) = '2',
                           \(UUID(high: 1, low: 2))::text = '00000000-0000-0001-0000-000000000002',
                           \(Int16(-5)) = -5, \(Double.nan) = 'NaN'::float8
                    """
                )[0]
            for column in 0..<row.count { #expect(try row.decode(column, as: Bool.self), "column \(column)") }
        }
    }

    @Test func `we read what the server writes`() async throws {
        try await withPool { pool, _ in
            let row =
                try await
                pool.query(
                    """
                    SELECT 5::int2 AS small, 6::int4, 7::int8, 1.5::real, 'NaN'::float8, 'x'::varchar, 'y'::name,
                           timestamptz '1890-02-03 04:05:06.7+00', interval '2 days 1 s',
                           '{"b": 1}'::json, '{"b": 1}'::jsonb, array_agg(n ORDER BY n)
                    FROM generate_series(1, 3) AS n
                    """
                )[0]
            var reader = row.reader
            #expect(try reader.next(Int.self) == 5)
            #expect(try reader.next(Int.self) == 6)
            #expect(try reader.next(Int16.self) == 7)
            #expect(try reader.next(Double.self) == 1.5)
            #expect(try reader.next(Double.self).isNaN)
            #expect(try reader.next(String.self) == "x")
            #expect(try reader.next(String.self) == "y")
            #expect(try reader.next(Timestamp.self).description == "1890-02-03T04:05:06.700Z")
            #expect(try reader.next(Duration.self) == .seconds(2 * 86_400 + 1))
            #expect(try reader.next(RawJSON.self) == RawJSON("{\"b\": 1}"))
            #expect(try reader.next(RawJSON.self) == RawJSON("{\"b\": 1}"))
            #expect(try reader.next([Int].self) == [1, 2, 3])
            #expect(try row.decode("small", as: Int.self) == 5)
        }
    }

    @Test func `eight megabytes of bytes and a text of a million characters survive`() async throws {
        try await withPool { pool, _ in
            let bytes = (0..<8_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let bytesBack = try await echo(bytes, in: pool)
            #expect(bytesBack == bytes)
            let text = String(repeating: "é", count: 1_000_000)
            let textBack = try await echo(text, in: pool)
            #expect(textBack == text)
        }
    }

    @Test func `user-defined enums and domains read as text`() async throws {
        try await withPool { pool, _ in
            try await pool.execute("CREATE TYPE color AS ENUM ('red', 'green')")
            #expect(try await pool.query("SELECT 'green'::color")[0].decode(0, as: Color.self) == .green)
        }
    }

    @Test func `a wrong type, a NULL, a value out of range and a missing column are errors without the value`()
        async throws
    {
        try await withPool { pool, _ in
            let row = try await pool.query("SELECT 70000 AS big, NULL::int AS nothing, 'secret' AS word")[0]
            for read in [
                { _ = try row.decode(0, as: Int16.self) }, { _ = try row.decode(1, as: Int.self) },
                { _ = try row.decode(2, as: Int.self) }, { _ = try row.decode(2, as: Color.self) },
                { _ = try row.decode(9, as: Int.self) }, { _ = try row.decode("none", as: Int.self) },
            ] as [() throws -> Void] {
                let error = #expect(throws: PostgresError.self) { try read() }
                #expect(error?.kind == .decoding)
                #expect(error.map { "\($0)\(String(reflecting: $0))".contains("secret") } == false)
            }
        }
    }
}
