import Contracts
import JSON
import Kernel

/// What could be told, a line each, in the order in which it would be told.
///
/// What changes seldom comes first, so that a provider finds the beginning of a prompt in its cache. What a line is worth
/// follows from its kind; of activities, cards, assets and jobs the newest counts most, and each older one a point less.
struct ContextLines: Sendable {
    /// What is known of a thing, and where in `text` a model is told.
    struct Line: Sendable {
        let part: ContextPart
        let range: Range<Int>
    }

    private(set) var lines: [Line] = []
    /// In JSON a `<` stands in strings alone. Escaped, no text can look like the end of the frame.
    private var json = JSONWriter(capacity: 64 << 10, escapesMarkup: true)

    /// All lines, one after the other.
    var text: [UInt8] { json.bytes }

    init(_ reading: ContextReading) {
        let project = reading.project
        add(.project, "\(project.id)", project.version, project.updatedAt, score: Worth.project, telling: project.tell)
        for note in reading.notes.reversed() {
            let score = Worth.note + Int(note.confidence * 100)
            add(
                .note,
                "\(note.id)",
                note.version,
                note.createdAt,
                score: score,
                omitted: note.state.omission,
                telling: note.tell
            )
        }
        addPlan(of: reading)
        let card = reading.card
        for (age, asset) in reading.assets.enumerated().reversed() {
            let worth = card != nil && asset.cardID == card?.id ? Worth.ownAsset : Worth.asset
            add(
                .asset,
                "\(asset.id)",
                nil,
                asset.approval?.at ?? asset.createdAt,
                score: worth - age,
                telling: asset.tell
            )
        }
        if let card {
            add(.card, "\(card.id)", card.version, card.updatedAt, score: Worth.cardInHand, telling: card.tell)
        }
        for (age, job) in reading.jobs.enumerated().reversed() {
            let worth = card != nil && job.cardID == card?.id ? Worth.ownJob : Worth.job
            let at = job.completedAt ?? job.startedAt ?? job.createdAt
            add(.job, "\(job.id)", job.seq, at, score: worth - age, telling: job.tell)
        }
    }

    /// What a line is worth before its age is taken off.
    private enum Worth {
        static let project = 1000
        static let cardInHand = 900
        static let note = 750
        static let ownAsset = 740
        static let ownJob = 720
        static let activity = 600
        static let card = 500
        static let asset = 490
        static let job = 480
    }

    /// The activities in their order, each followed by its cards, which stand together and in the same order.
    private mutating func addPlan(of reading: ContextReading) {
        let activityAges = ContextLines.ages(reading.activities.map(\.updatedAt))
        let cardAges = ContextLines.ages(reading.cards.map(\.updatedAt))
        var next = 0
        for (activity, age) in zip(reading.activities, activityAges) {
            let score = Worth.activity - age
            add(.activity, "\(activity.id)", activity.version, activity.updatedAt, score: score, telling: activity.tell)
            while next < reading.cards.count, reading.cards[next].activityID == activity.id {
                let card = reading.cards[next]
                let score = Worth.card - cardAges[next]
                next += 1
                guard card.id != reading.card?.id else { continue }
                add(.card, "\(card.id)", card.version, card.updatedAt, score: score) {
                    card.tell(in: activity, to: &$0)
                }
            }
        }
    }

    /// How many are newer than each.
    private static func ages(_ moments: [Timestamp]) -> [Int] {
        var ages = Array(repeating: 0, count: moments.count)
        let newestFirst = moments.indices.sorted { (moments[$1], $0) < (moments[$0], $1) }
        for (age, index) in newestFirst.enumerated() { ages[index] = age }
        return ages
    }

    private mutating func add(
        _ kind: ContextPart.Kind,
        _ id: String,
        _ version: Int?,
        _ at: Timestamp,
        score: Int,
        omitted omission: ContextPart.Omission? = nil,
        telling tell: (inout JSONWriter) -> Void
    ) {
        let start = json.bytes.count
        json.object { json in json.member(kind == .note ? "note" : kind.rawValue) { $0.object(tell) } }
        json.newline()
        let range = start..<json.bytes.count
        let part = ContextPart(
            kind: kind,
            id: id,
            version: version,
            at: at,
            tokens: TokenEstimate.tokens(in: json.bytes[range].span),
            score: score,
            omission: omission
        )
        lines.append(Line(part: part, range: range))
    }
}
