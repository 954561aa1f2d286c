import Contracts
import Edge
import Files
import HTTPServer
import JSON
import Kernel
import Postgres
import Store

/// Serves result files, and takes those of workers.
struct ResultRoutes: Sendable {
    let pool: Pool
    let results: ResultStore
    let maximumBytes: Int

    func add(to api: inout API) {
        api.add(
            Operation(
                .get,
                "/api/results/{sha256}",
                "a result file, whole or in part",
                scope: .jobsRead,
                answersJSON: false
            )
        ) { call in try await serve(call) }
        api.add(
            Operation(
                .put,
                "/api/workers/{id}/results/{job_id}",
                "store a result file of a leased job",
                scope: .work,
                query: [.integer("fence", "the lease's fence", in: 0...Int.max / 2)],
                body: .stream(atMost: maximumBytes),
                success: 201
            )
        ) { call in try await take(call) }
    }

    private func serve(_ call: Call) async throws -> Reply {
        guard let digest = Hex.decode(call.request.parameters["sha256"] ?? ""), digest.count == 32,
            let stored = try await results.find(digest, project: call.principal.project)
        else { throw ServiceError.notFound("RESULT") }
        let tag = "\"\(Hex.encode(digest))\""
        var headers: Headers = [
            "ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, max-age=31536000, immutable",
        ]
        // What a job yielded is foreign content: browsers must not guess its type or run it in our name.
        headers.set("X-Content-Type-Options", "nosniff")
        headers.set("Content-Security-Policy", "sandbox; default-src 'none'")
        if let known = call.request.headers["If-None-Match"], known == "*" || known.contains(tag) {
            return .response(Response(.notModified, headers: headers))
        }
        headers.set("Content-Type", stored.mediaType)
        let condition = call.request.headers["If-Range"]
        let wanted = condition == nil || condition == tag ? call.request.headers["Range"] : nil
        let file = try results.open(stored)
        switch ByteRange(wanted, size: file.size) {
        case .whole: return .response(ResultRoutes.response(.ok, file, 0..<file.size, headers))
        case .part(let range):
            headers.set("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)")
            return .response(ResultRoutes.response(.partialContent, file, range, headers))
        case .unsatisfiable:
            throw ServiceError(.rangeNotSatisfiable, "the file has \(file.size) bytes")
        }
    }

    private static func response(_ status: Status, _ file: FileReader, _ range: Range<Int>, _ headers: Headers)
        -> Response
    {
        Response(
            status,
            headers: headers,
            body: .stream(contentLength: range.count) { writer in
                var position = range.lowerBound
                while position < range.upperBound {
                    let bytes = try await file.read(at: position, atMost: min(65_536, range.upperBound - position))
                    guard !bytes.isEmpty else { throw FileShrank() }
                    try await writer.write(bytes)
                    position += bytes.count
                }
            }
        )
    }

    struct FileShrank: Error {}

    private func take(_ call: Call) async throws -> Reply {
        let worker: WorkerID = try call.id(of: "WORKER")
        let job: JobID = try call.id("job_id", of: "JOB")
        guard let fence = call.int("fence") else { throw ServiceError.invalid("?fence", "is required") }
        let type = call.request.headers["Content-Type"] ?? "application/octet-stream"
        guard type.utf8.count <= 200 else { throw ServiceError.invalid("Content-Type", "must have at most 200 bytes") }
        let held = WorkerStatements.holds(
            worker,
            LeaseKey(jobID: job, fence: Int64(fence)),
            project: call.principal.project
        )
        guard try await !pool.query(held).isEmpty else {
            throw ServiceError(.leaseLost, "the job is not leased by this worker with this fence")
        }
        let stored: ResultStore.Stored
        do {
            stored = try await results.store(call.request.body.chunks, mediaType: type, for: job)
        } catch is ResultStore.TooLarge {
            throw ServiceError(.payloadTooLarge, "a result may have at most \(maximumBytes) bytes")
        } catch let error as FileError where error.isDiskFull {
            throw ServiceError(.serviceUnavailable, "there is no room for results", retryAfter: .seconds(60))
        }
        return .json(.created, headers: [("Location", stored.url)]) { json in
            json.object {
                $0.member("result_url", stored.url)
                $0.member("sha256", Hex.encode(stored.sha256))
                $0.member("bytes", stored.bytes)
                $0.member("media_type", stored.mediaType)
            }
        }
    }
}
