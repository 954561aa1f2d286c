import CCurl
import Kernel

/// A `curl_multi` with its connections. All but `wake` is for the client's thread.
@safe
final class MultiHandle: @unchecked Sendable {
    // Sendable: the pointer never changes, `curl_multi_wakeup` may be called from any thread, and everything else is
    // called by the one thread of `TransferLoop` or, in `deinit`, by whoever held the last reference.
    private let raw: UnsafeMutableRawPointer

    init(maximumConnections: Int, maximumConnectionsPerHost: Int) {
        // Fails only for lack of memory or of any socket; a client cannot exist then.
        guard let raw = unsafe curl_multi_init() else { preconditionFailure("curl_multi_init failed") }
        unsafe self.raw = unsafe raw
        unsafe martlet_curl_multi_set_long(raw, CURLMOPT_MAXCONNECTS, maximumConnections)
        unsafe martlet_curl_multi_set_long(raw, CURLMOPT_MAX_TOTAL_CONNECTIONS, maximumConnections)
        unsafe martlet_curl_multi_set_long(raw, CURLMOPT_MAX_HOST_CONNECTIONS, maximumConnectionsPerHost)
    }

    deinit { unsafe curl_multi_cleanup(raw) }

    /// Ends the present `wait`, or the next one; from any thread.
    func wake() { unsafe curl_multi_wakeup(raw) }

    func add(_ easy: borrowing EasyHandle) { unsafe curl_multi_add_handle(raw, easy.raw) }
    func remove(_ easy: borrowing EasyHandle) { unsafe curl_multi_remove_handle(raw, easy.raw) }

    /// Does what can be done without waiting.
    func perform() {
        var running: Int32 = 0
        unsafe curl_multi_perform(raw, &running)
    }

    /// Waits for a socket, a timer of libcurl, `wake`, or the end of `limit`.
    func wait(atMost limit: Duration) {
        unsafe curl_multi_poll(raw, nil, 0, Int32(clamping: (limit.microseconds + 999) / 1000), nil)
    }

    /// A transfer that has ended, by its id.
    func nextDone() -> (id: UInt64, code: CURLcode)? {
        var code = CURLE_OK
        guard let easy = unsafe martlet_curl_multi_next_done(raw, &code) else { return nil }
        return unsafe (EasyHandle.id(of: easy), code)
    }
}
