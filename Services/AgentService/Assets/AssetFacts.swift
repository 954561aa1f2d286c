import JSON
import Kernel

/// What is known of a job's file: its job's `result` says it, and the address of a stored file holds its digest.
struct AssetFacts: Sendable, Equatable {
    let sha256: [UInt8]?
    let bytes: Int?
    let mediaType: String?

    init(result: JSONElement?, url: String) {
        let digest = result?.value("sha256")?.string ?? url.split(separator: "/").last.map(String.init)
        sha256 = digest.flatMap { Hex.decode($0) }.flatMap { $0.count == 32 ? $0 : nil }
        bytes = result?.value("bytes")?.int.flatMap { $0 >= 0 ? $0 : nil }
        mediaType = result?.value("media_type")?.string.flatMap { $0.utf8.count <= 200 ? $0 : nil }
    }
}
