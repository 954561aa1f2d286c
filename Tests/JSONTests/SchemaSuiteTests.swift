import Foundation
import JSON
import TestSupport
import Testing

/// The official test suite of JSON Schema 2020-12, as the source archive of the package `jsonschema` on PyPI carries it.
@Suite(.timeLimit(.minutes(5))) struct SchemaSuiteTests {
    /// What is not tried: a file, or a group of it by its name, and why.
    private static let skipped: [(file: String, group: String?, reason: String)] = [
        ("refRemote.json", nil, another),
        ("defs.json", "validate definition against metaschema", another),
        ("ref.json", "remote ref, containing refs itself", another),
        ("dynamicRef.json", "strict-tree schema, guards against misspelled properties", another),
        ("dynamicRef.json", "tests for implementation dynamic anchor and reference link", another),
        ("dynamicRef.json", "$ref and $dynamicAnchor are independent of order - $defs first", another),
        ("dynamicRef.json", "$ref and $dynamicAnchor are independent of order - $ref first", another),
        ("dynamicRef.json", "$ref to $dynamicRef finds detached $dynamicAnchor", another),
        ("vocabulary.json", nil, "vocabularies are switched by a dialect's own document, which is another one"),
        ("optional/cross-draft.json", nil, "refers to documents in other dialects"),
        ("optional/bignum.json", nil, "numbers beyond 64 bits are refused when JSON is read"),
        ("optional/float-overflow.json", nil, "numbers beyond a double are refused when JSON is read"),
        ("optional/format-assertion.json", nil, "switched by a dialect's own document, which is another one"),
        ("optional/dependencies-compatibility.json", nil, "the keyword of an older dialect, which is ignored"),
    ]

    private static let another = "refers to another document, and nothing is fetched"

    private struct Score {
        var passed = 0
        var failed: [String] = []
        var skipped = 0
    }

    @Test func `every case of the official suite has the outcome that it should have`() async throws {
        guard let folder = try await SchemaSuiteTests.suite() else { return }
        let base = folder.appending(path: "json/tests/draft2020-12")
        let names = try ["", "optional/"]
            .flatMap { sub in
                try FileManager.default.contentsOfDirectory(atPath: base.appending(path: sub).path).sorted()
                    .filter { $0.hasSuffix(".json") }.map { sub + $0 }
            }
        #expect(names.count > 50)
        var total = Score()
        for name in names {
            let score = try SchemaSuiteTests.run(name, Array(Data(contentsOf: base.appending(path: name))))
            print("\(name): \(score.passed) passed, \(score.failed.count) failed, \(score.skipped) skipped")
            total.passed += score.passed
            total.failed += score.failed
            total.skipped += score.skipped
        }
        print("in all: \(total.passed) passed, \(total.failed.count) failed, \(total.skipped) skipped")
        #expect(total.failed == [])
        #expect(total.passed > 1_200)
    }

    private static func run(_ name: String, _ bytes: [UInt8]) throws -> Score {
        var score = Score()
        func isSkipped(_ group: String?) -> Bool { skipped.contains { $0.file == name && $0.group == group } }
        guard !isSkipped(nil) else {
            score.skipped = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\"valid\":").count - 1
            return score
        }
        for group in try JSONDocument(parsing: bytes).root.elements {
            let title = group["description"]?.string ?? ""
            let cases = group["tests"]?.elements.map { $0 } ?? []
            guard !isSkipped(title) else {
                score.skipped += cases.count
                continue
            }
            do {
                let schema = try SchemaDocument(parsing: group["schema"] ?? .null)
                for test in cases {
                    let isValid = schema.issues(in: test["data"] ?? .null).isEmpty
                    if isValid == test["valid"]?.bool {
                        score.passed += 1
                    } else {
                        score.failed.append("\(name): \(title): \(test["description"]?.string ?? "")")
                    }
                }
            } catch {
                score.failed += cases.map { "\(name): \(title): \($0["description"]?.string ?? ""): \(error)" }
            }
        }
        return score
    }

    /// The folder of the archive, fetched once; `nil` when PyPI is away.
    private static func suite() async throws -> URL? {
        let folder = FileManager.default.temporaryDirectory.appending(path: "martlet-json-schema-suite")
        let script = """
            set -e; test -d "$0/suite" && exit 0; rm -rf "$0"; mkdir -p "$0/parts"; python3 -m venv "$0/venv"
            "$0/venv/bin/pip" -q download --no-deps --no-binary jsonschema -d "$0" jsonschema
            tar xzf "$0"/jsonschema-*.tar.gz -C "$0/parts" --strip-components 1; mv "$0/parts" "$0/suite"
            """
        let process = try await TestProcess("/bin/sh", ["-c", script, folder.path])
        let output = await process.readToEnd()
        guard await process.wait() == 0 else {
            print("the official suite is not tried, because it could not be fetched: \(output)")
            return nil
        }
        return folder.appending(path: "suite")
    }
}
