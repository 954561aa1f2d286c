import Contracts
import Crypto
import Files
import Kernel
import Postgres

/// Keeps result files by their content: two jobs that yield the same bytes share a file.
struct ResultStore: Sendable {
    /// A stored file.
    struct Stored: Sendable {
        let sha256: [UInt8]
        let mediaType: String
        let bytes: Int

        /// Where the file is served.
        var url: String { "/api/results/\(Hex.encode(sha256))" }
    }

    /// The file is larger than results may be.
    struct TooLarge: Error {}

    private let folder: String
    private let maximumBytes: Int
    private let pool: Pool
    private let ids = IdentifierSource()

    init(folder: String, maximumBytes: Int, pool: Pool) throws {
        self.folder = folder
        self.maximumBytes = maximumBytes
        self.pool = pool
        try Folder.create(folder + "/incoming")
    }

    /// Stores what `chunks` brings as a result of a job. The file is on disk before its row is in the database.
    func store<Chunks: AsyncSequence>(_ chunks: Chunks, mediaType: String, for job: JobID) async throws -> Stored
    where Chunks.Element == [UInt8] {
        let writer = try FileWriter(creating: "\(folder)/incoming/\(ids.uuid())")
        var hash = SHA256()
        var count = 0
        for try await chunk in chunks {
            count += chunk.count
            guard count <= maximumBytes else { throw TooLarge() }
            hash.update(chunk)
            try await writer.write(chunk)
        }
        let digest = hash.finish()
        let place = path(of: digest)
        try Folder.create(place.folder)
        try await writer.publish(as: place.file)
        let stored = Stored(sha256: digest, mediaType: mediaType, bytes: count)
        _ = try await pool.execute(ResultStatements.add(stored, to: job))
        return stored
    }

    /// The file with a digest, if a job the caller may see has yielded it.
    func find(_ sha256: [UInt8], project: ProjectID?) async throws -> Stored? {
        guard let row = try await pool.query(ResultStatements.find(sha256, project: project)).first else { return nil }
        return Stored(sha256: sha256, mediaType: try row.decode(0), bytes: try row.decode(1))
    }

    /// Opens a stored file.
    func open(_ stored: Stored) throws -> FileReader { try FileReader(path(of: stored.sha256).file) }

    /// The stored file's path, for programs that run here.
    func localPath(of stored: Stored) -> String { path(of: stored.sha256).file }

    /// Removes the file with a digest, unless it was stored less than `age` ago: then a row may be on its way that names
    /// it. Returns whether it is gone.
    func remove(_ sha256: [UInt8], olderThan age: Duration) throws -> Bool {
        try Folder.removeFile(
            path(of: sha256).file,
            writtenBefore: age,
            aside: "\(folder)/incoming/\(ids.uuid())"
        )
    }

    private func path(of digest: [UInt8]) -> (folder: String, file: String) {
        let name = Hex.encode(digest)
        return ("\(folder)/\(name.prefix(2))", "\(folder)/\(name.prefix(2))/\(name)")
    }
}

/// Statements over `jobs.files`.
enum ResultStatements {
    static func add(_ stored: ResultStore.Stored, to job: JobID) -> SQL {
        """
        INSERT INTO jobs.files (sha256, job_id, media_type, bytes)
        VALUES (\(stored.sha256), \(job), \(stored.mediaType), \(stored.bytes))
        ON CONFLICT DO NOTHING
        """
    }

    static func find(_ sha256: [UInt8], project: ProjectID?) -> SQL {
        """
        SELECT file.media_type, file.bytes
        FROM jobs.files AS file
        JOIN jobs.jobs AS job ON job.id = file.job_id
        WHERE file.sha256 = \(sha256) AND (\(project)::uuid IS NULL OR job.project_id = \(project))
        ORDER BY file.created_at
        LIMIT 1
        """
    }
}
