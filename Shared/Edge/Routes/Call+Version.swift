import Contracts

extension Call {
    /// Refuses a request whose `If-Match` names another version than the present one.
    public func expect(version: Int) throws {
        guard let expected = try expectedVersion(), expected != version else { return }
        throw ServiceError(
            .staleVersion,
            "the version is \(version) by now: read it again and repeat the change on that"
        )
    }
}
