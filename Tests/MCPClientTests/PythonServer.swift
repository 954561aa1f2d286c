import Foundation
import Subprocess
import TestSupport

/// The server of `Resources/mcp_server.py`. `MARTLET_MCP_PYTHON` names a python that has the package `mcp` 2; else one
/// is made where PyPI can be reached.
enum PythonServer {
    static let script = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Resources/mcp_server.py").path

    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: ".build/test-python/mcp").path

    private static let making = Task<String?, any Error> {
        if let python = ProcessInfo.processInfo.environment["MARTLET_MCP_PYTHON"] { return python }
        let python = folder + "/bin/python"
        let make =
            "[ -e '\(folder)/made' ] || (python3 -m venv '\(folder)' && '\(python)' -m pip -q install 'mcp>=2' uvicorn) && : > '\(folder)/made'"
        let process = try await TestProcess("/bin/sh", ["-c", "(\(make)) 2>&1"])
        let output = await process.readToEnd()
        guard await process.wait() == 0 else {
            print("the official SDK of MCP is not tried: \(output.suffix(300))")
            return nil
        }
        return python
    }

    /// A python that has the SDK; `nil`, with a word, where there is none.
    static func python() async throws -> String? { try await making.value }

    /// The server as a program; `nil` where there is none.
    static func command() async throws -> Command? {
        guard let python = try await python() else { return nil }
        return Command(python, ["-B", script, "stdio"], folder: "/tmp", environment: [:], grace: .seconds(3))
    }

    /// Runs `body` with the server's URL, unless there is no server.
    static func run(_ body: (String) async throws -> Void) async throws {
        guard let python = try await python() else { return }
        let process = try await TestProcess(python, ["-B", script, "http"])
        let port = await process.readLine()
        guard UInt16(port) != nil else { throw TestProcess.Failure("the server says no port, but \(port)") }
        do {
            try await body("http://127.0.0.1:\(port)/mcp")
        } catch {
            await process.signal(9)
            _ = await process.wait()
            throw error
        }
        await process.signal(9)
        _ = await process.wait()
    }
}
