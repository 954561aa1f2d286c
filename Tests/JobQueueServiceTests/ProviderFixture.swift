import Contracts
import Foundation
import HTTPClient
import JSON
import Telemetry
import TestSupport
import Testing

@testable import JobQueueService

extension JobQueueFixture {
    /// The job once it has ended.
    func finished(_ id: JobID) async throws -> JSONElement {
        var job = try await job(id)
        try await eventually("the job ends") {
            job = try await self.job(id)
            return job["status"]?.string.flatMap(JobStatus.init)?.isFinal == true
        }
        return job
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
