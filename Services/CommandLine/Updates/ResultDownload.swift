import Files
import HTTPClient
import JSON
import Kernel

/// Shows where results are, and stores them in a folder if one is given.
struct ResultDownload: Sendable {
    let session: Session
    let folder: String?

    /// Shows an asset's address, and stores its file.
    func take(_ asset: JSONElement, kind: String) async throws {
        guard let address = asset["url"]?.string else { return }
        // Relative ones are the job queue's.
        let base = session.jobQueue
        let url = address.hasPrefix("/") ? base + address : address
        if session.writesJSON { session.console.line(asset.text) } else { session.console.line("\(kind): \(url)") }
        guard let folder else { return }
        let headers = address.hasPrefix("/") ? session.services.headers(for: base) : []
        let name = "\(kind)\(ResultDownload.fileExtension(asset["media_type"]?.string ?? ""))"
        try Folder.create(folder)
        let request = ClientRequest("GET", url, headers: headers, timeouts: .streaming(idle: .seconds(30)))
        let bytes: Int
        do {
            bytes = try await store(request, as: "\(folder)/\(name)")
        } catch let error as ClientError {
            throw ServiceClient.unreachable(base, error)
        } catch let error as FileError {
            throw CommandFailure(.failure, "\(folder)/\(name) cannot be written: \(error)")
        }
        if !session.writesJSON { session.console.line("  \(folder)/\(name), \(bytes) bytes") }
    }

    private func store(_ request: ClientRequest, as path: String) async throws -> Int {
        let response = try await session.services.client.stream(request)
        guard response.status == 200 else { throw CommandFailure(.failure, "the result answers \(response.status)") }
        let file = try FileWriter(creating: "\(path).\(IdentifierSource().uuid()).part")
        for try await chunk in response.body { try await file.write(chunk) }
        try await file.publish(as: path)
        return await file.count
    }

    /// The usual end of a file's name.
    static func fileExtension(_ mediaType: String) -> String {
        let type = mediaType.prefix { $0 != ";" }
        return [
            "audio/wav": ".wav", "audio/x-wav": ".wav", "audio/mpeg": ".mp3", "image/png": ".png",
            "image/jpeg": ".jpg", "video/mp4": ".mp4", "text/plain": ".txt", "application/json": ".json",
        ][String(type)] ?? ""
    }
}
