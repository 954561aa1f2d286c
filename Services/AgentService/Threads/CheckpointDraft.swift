import Contracts
import Edge
import JSON
import Kernel

/// A checkpoint that somebody asks to store, its values taken apart.
struct CheckpointDraft: Sendable {
    /// Where a channel's value comes from.
    enum Content: Sendable {
        /// The request has it.
        case given(RawJSON)
        /// The parent has it at the same version.
        case unchanged
        /// It has a version and no value.
        case none
    }

    struct Channel: Sendable {
        let name: String
        let version: RawJSON?
        let content: Content
    }

    let id: CheckpointID
    let parent: CheckpointID?
    let body: RawJSON
    let metadata: RawJSON
    let channels: [Channel]
    let digests: DigestList
    let values: [UUID: [UInt8]]
    /// Of all of the above: the same request has the same.
    let digest: UUID

    static let schema: [JSONSchema.Property] = [
        .required("checkpoint_id", .uuid.described("sorts by time: version 6 or 7")),
        .optional("parent_checkpoint_id", .uuid),
        .required(
            "checkpoint",
            .object([.optional("channel_values", .anyObject)], additional: .allowed)
                .described("kept and returned; the values of channels are kept once, whatever names them")
        ),
        .optional("metadata", .anyObject.described("what lists are filtered by; at most 16 KiB")),
        .optional("channel_versions", .anyObject.described("text or number by channel")),
        .optional(
            "unchanged",
            .array(of: .string(ThreadBounds.name), 0...ThreadBounds.channels)
                .described("channels whose value is the parent's, which has them at the same version")
        ),
    ]

    /// Reads a body that fits the schema.
    init(_ body: JSONElement) throws {
        guard let id = body["checkpoint_id"]?.string.flatMap({ CheckpointID($0) }), let said = body["checkpoint"] else {
            throw ServiceError.invalid("/checkpoint_id", "is required")
        }
        self.id = id
        parent = body.value("parent_checkpoint_id")?.string.flatMap { CheckpointID($0) }
        self.body = CheckpointDraft.rest(of: said)
        guard self.body.bytes.count <= ThreadBounds.bodyBytes else {
            throw ServiceError.invalid(
                "/checkpoint",
                "must have at most \(ThreadBounds.bodyBytes) bytes beside its channel_values"
            )
        }
        metadata = try CheckpointDraft.metadata(body)
        var digests = DigestList()
        var values: [UUID: [UInt8]] = [:]
        channels = try CheckpointDraft.channels(body, said, &digests, &values)
        self.digests = digests
        self.values = values
        digest = CheckpointDraft.digest(id, parent, self.body, metadata, channels, digests)
    }

    private static func rest(of checkpoint: JSONElement) -> RawJSON {
        RawJSON(
            JSONWriter.bytes { json in
                json.object { json in
                    for member in checkpoint.members where member.name != "channel_values" {
                        json.member(member.name, member.value)
                    }
                }
            }
        )
    }

    private static func metadata(_ body: JSONElement) throws -> RawJSON {
        guard let metadata = body.value("metadata") else { return .emptyObject }
        guard !metadata.holdsNUL else {
            throw ServiceError.invalid("/metadata", "holds the character U+0000, which cannot be searched for")
        }
        let raw = metadata.raw
        guard raw.bytes.count <= ThreadBounds.metadataBytes else {
            throw ServiceError.invalid("/metadata", "must have at most \(ThreadBounds.metadataBytes) bytes")
        }
        return raw
    }

    private static func channels(
        _ body: JSONElement,
        _ said: JSONElement,
        _ digests: inout DigestList,
        _ values: inout [UUID: [UInt8]]
    ) throws -> [Channel] {
        let unchanged = Set(body.value("unchanged")?.elements.compactMap(\.string) ?? [])
        let given = said.value("channel_values")
        var contents: [String: Content] = [:]
        for member in given?.members.map({ $0 }) ?? [] {
            let place = try StoredValue.split(
                member.value,
                at: "/checkpoint/channel_values/\(member.name)",
                &digests,
                &values
            )
            contents[member.name] = .given(place)
        }
        for name in unchanged.sorted() {
            guard contents[name] == nil else {
                throw ServiceError.invalid("/unchanged", "names \(name), which is given")
            }
            contents[name] = .unchanged
        }
        var channels: [Channel] = []
        for member in body.value("channel_versions")?.members.map({ $0 }) ?? [] {
            guard [.string, .integer, .number].contains(member.value.kind), member.value.raw.bytes.count <= 128 else {
                throw ServiceError.invalid(
                    "/channel_versions/\(member.name)",
                    "must be a number or a text of at most 126 bytes"
                )
            }
            let content = contents.removeValue(forKey: member.name) ?? .none
            channels.append(Channel(name: member.name, version: member.value.raw, content: content))
        }
        // In the order of the request, so that the same request is written the same.
        for member in given?.members.map({ $0 }) ?? [] {
            guard let content = contents.removeValue(forKey: member.name) else { continue }
            channels.append(Channel(name: member.name, version: nil, content: content))
        }
        guard contents.isEmpty else {
            throw ServiceError.invalid("/unchanged", "names a channel without a version in channel_versions")
        }
        guard channels.count <= ThreadBounds.channels else {
            throw ServiceError.invalid("/channel_versions", "must have at most \(ThreadBounds.channels) channels")
        }
        return channels
    }

    private static func digest(
        _ id: CheckpointID,
        _ parent: CheckpointID?,
        _ body: RawJSON,
        _ metadata: RawJSON,
        _ channels: [Channel],
        _ digests: DigestList
    ) -> UUID {
        let bytes = JSONWriter.bytes { json in
            json.array { json in
                json.value(parent)
                json.value(body)
                json.value(metadata)
                json.value(digests.all)
                for channel in channels {
                    json.value(channel.name)
                    json.value(channel.version)
                    switch channel.content {
                    case .given(let place): json.value(place)
                    case .unchanged: json.value(true)
                    case .none: json.value(false)
                    }
                }
            }
        }
        return UUID(digestOf: bytes)
    }
}

extension JSONElement {
    /// Whether a text in it holds U+0000, which `jsonb` cannot.
    var holdsNUL: Bool {
        switch kind {
        case .string: stringBytes?.contains(0) == true
        case .array: elements.contains { $0.holdsNUL }
        case .object: members.contains { $0.name.utf8.contains(0) || $0.value.holdsNUL }
        case .null, .boolean, .integer, .number: false
        }
    }
}
