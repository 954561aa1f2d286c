import JSON
import Kernel

// What a line of a context says of each thing: ids for tools to take, and what a model can make use of. No versions and no
// times, which would change the text where nothing else does; the parts hold them.

extension Project {
    func tell(_ json: inout JSONWriter) {
        json.member("id", id)
        json.member("title", title)
        if let description { json.member("description", description) }
    }
}

extension Note {
    func tell(_ json: inout JSONWriter) {
        json.member("id", id)
        json.member("author", author)
        json.member("source", source.rawValue)
        json.member("confidence", confidence)
        if source == .person { json.member("text", text) } else { json.untrusted { $0.member("text", text) } }
    }
}

extension Activity {
    func tell(_ json: inout JSONWriter) {
        json.member("id", id)
        json.member("position", position)
        json.member("task_type", taskType)
        json.member("title", title)
        if let description { json.member("description", description) }
    }
}

extension CardOverview {
    func tell(in activity: Activity, to json: inout JSONWriter) {
        json.member("id", id)
        json.member("activity", activity.position)
        json.member("status", status)
        json.member("title", title)
    }
}

extension Card {
    /// The card in hand is told whole.
    func tell(_ json: inout JSONWriter) {
        json.member("id", id)
        json.member("is_in_hand", true)
        json.member("activity_id", activityID)
        json.member("status", status)
        json.member("title", title)
        if let prompt { json.member("prompt", prompt) }
        if params != .emptyObject { json.member("params", params) }
    }
}

extension Asset {
    /// All but the ids is what a worker said of its file, and a note.
    func tell(_ json: inout JSONWriter) {
        json.member("id", id)
        if let cardID { json.member("card_id", cardID) }
        json.member("is_approved", approval != nil)
        json.untrusted {
            $0.member("url", url)
            if let mediaType { $0.member("media_type", mediaType) }
            if let note = approval?.note { $0.member("note", note) }
        }
    }
}

extension JobView {
    /// A worker says what became of it, in its own words.
    func tell(_ json: inout JSONWriter) {
        json.member("id", id)
        if let cardID { json.member("card_id", cardID) }
        json.member("kind", kind)
        json.member("status", status)
        guard resultURL != nil || errorCode != nil || errorMessage != nil else { return }
        json.untrusted {
            if let resultURL { $0.member("result_url", resultURL) }
            if let errorCode { $0.member("error_code", errorCode) }
            if let errorMessage { $0.member("error", errorMessage) }
        }
    }
}

extension JSONWriter {
    /// Writes what nobody here has vouched for, under the name that the frame warns of.
    fileprivate mutating func untrusted(_ body: (inout JSONWriter) -> Void) {
        member("untrusted") { $0.object(body) }
    }
}
