internal import Telemetry

/// From a connection to a WebSocket.
extension Connection {
    /// Hands the socket over to `handler`. False when the connection stays HTTP, or is gone.
    func upgrade(
        _ exchange: Exchange,
        _ handler: any WebSocketHandler,
        _ subprotocol: String?,
        _ headers: Headers,
        _ limits: WebSocketLimits
    ) -> Bool {
        guard unanswered?.id == exchange.id else { return false }
        unanswered = nil
        let site = site
        let address = remoteAddress
        let socket = WebSocket(
            loop: loop,
            id: site.nextID(),
            remoteAddress: address,
            handler: handler,
            handle: handle.retained(),
            ended: {
                site.metrics.webSockets.add(-1)
                site.census.leave(address)
            }
        )
        let response = ResponseHead.switchingProtocols(
            accept: ConnectionHandle.webSocketAccept(exchange.head.headers["Sec-WebSocket-Key"] ?? ""),
            subprotocol: subprotocol,
            headers
        )
        // The reference that C holds from here; given back by its `released`.
        let peer = unsafe Unmanaged.passRetained(socket)
        guard unsafe handle.upgrade(response, limits, peer: peer.toOpaque()) else {
            unsafe peer.release()
            handle.abort()
            return false
        }
        site.metrics.webSockets.add(1)
        // C has forgotten this connection and holds the socket instead.
        unsafe Unmanaged.passUnretained(self).release()
        handler.opened(socket)
        if loop.isDraining { socket.stopping() }
        return true
    }
}
