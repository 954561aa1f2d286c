import Contracts
import Foundation
import HTTPClient
import JSON
import Telemetry
import Testing

@testable import JobQueueService

extension JobQueueFixture {
    /// The job once it has ended; the suite's time limit bounds the wait.
    func finished(_ id: JobID) async throws -> JSONElement {
        while true {
            let job = try await job(id)
            if let status = job["status"]?.string.flatMap(JobStatus.init), status.isFinal { return job }
            await Task.yield()
        }
    }

    /// A file that the service serves.
    func file(_ url: String) async throws -> ClientResponse {
        let client = Client(ClientSettings(maximumResponseBytes: 1 << 28), logger: .silent, metrics: Metrics())
        let response = try await client.send(
            ClientRequest("GET", self.url + url, headers: [("Authorization", "Bearer dev-token")])
        )
        await client.shutdown()
        return response
    }

    /// The lines that a job wrote.
    func lines(_ id: JobID) async throws -> [String] {
        try await send("GET", "/api/jobs/\(id)/logs").json["items"]?.elements.compactMap { $0["line"]?.string } ?? []
    }
}

enum FileSystem {
    /// The names in a folder.
    static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
    }
}
