/// What is to be told to the broker about deliveries.
enum Settlement: Sendable, Hashable {
    case acknowledge(UInt64, multiple: Bool)
    case reject(UInt64, multiple: Bool, requeue: Bool)

    /// Puts acknowledgements of a whole run from the lowest unsettled delivery on into one.
    ///
    /// Whatever order handlers finish in, most runs are complete, and one frame settles them all. `unsettled` loses
    /// what is settled here; tags it does not know are left out: the broker would close the channel over them.
    static func merge(_ requests: [Settlement], unsettled: inout TagWindow<Void>) -> [Settlement] {
        var merged: [Settlement] = []
        var single: [UInt64] = []
        for request in requests {
            switch request {
            case .acknowledge(let tag, multiple: false):
                single.append(tag)
            case .acknowledge(let tag, multiple: true):
                if !unsettled.settle(tag, multiple: true).isEmpty { merged.append(request) }
            case .reject(let tag, let multiple, _):
                // Those before it must not be swept along.
                merged += run(of: &single, unsettled: &unsettled)
                if !unsettled.settle(tag, multiple: multiple).isEmpty { merged.append(request) }
            }
        }
        return merged + run(of: &single, unsettled: &unsettled)
    }

    private static func run(of tags: inout [UInt64], unsettled: inout TagWindow<Void>) -> [Settlement] {
        var merged: [Settlement] = []
        var end: UInt64?
        for tag in tags.sorted() where unsettled.contains(tag) {
            if tag == unsettled.first {
                end = tag
            } else {
                merged.append(.acknowledge(tag, multiple: false))
            }
            _ = unsettled.settle(tag, multiple: false)
        }
        tags = []
        // A window that was settled out of order before may have moved on over those: they are settled already.
        return (end.map { [.acknowledge($0, multiple: true)] } ?? []) + merged
    }
}
