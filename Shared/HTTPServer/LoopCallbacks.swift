internal import CBeast

/// What C calls, on the loop's thread. Each pointer that comes back was made by `Unmanaged` here or in `EventLoop`.
enum LoopCallbacks {
    static var table: cb_callbacks {
        unsafe cb_callbacks(
            batch: { unsafe loop($0).runBatch() },
            tick: { unsafe loop($0).tick() },
            stopped: { unsafe released($0, as: EventLoop.self).didStop() },
            accepted: { unsafe accepted($0, $1, $2) },
            accept_failed: { unsafe loop($0).site.acceptFailed($1) },
            head: { unsafe head($0, $1) },
            body: { peer, bytes in
                let bytes = unsafe bytes.copy
                unsafe connection(peer).assumeIsolated { $0.receive(bytes) }
            },
            complete: { unsafe connection($0).assumeIsolated { $0.completeRequest() } },
            failed: { peer, failure, reason in
                let failure = unsafe RoutingFailure(failure, String(cString: reason.unsafelyUnwrapped))
                unsafe connection(peer).assumeIsolated { $0.fail(failure) }
            },
            writable: { unsafe connection($0).assumeIsolated { $0.becameWritable() } },
            half_closed: { unsafe connection($0).assumeIsolated { $0.clientEnded() } },
            abandoned: { unsafe connection($0).assumeIsolated { $0.clientAbandoned() } },
            deadline: { unsafe connection($0).assumeIsolated { $0.deadlinePassed() } },
            stopping: { unsafe connection($0).assumeIsolated { $0.serverStops() } },
            closed: { unsafe connection($0).assumeIsolated { $0.transportClosed() } },
            ws_message: { peer, bytes, isText in unsafe webSocket(peer).received(bytes.copy, isText: isText) },
            ws_drained: { unsafe webSocket($0).drained() },
            ws_stopping: { unsafe webSocket($0).stopping() },
            ws_closed: { peer, code, reason in
                unsafe webSocket(peer).closed(code: code, reason: String(decoding: reason.copy, as: UTF8.self))
            },
            released: { peer, isWebSocket in
                if isWebSocket {
                    unsafe released(peer, as: WebSocket.self).released()
                } else {
                    unsafe released(peer, as: Connection.self).released()
                }
            }
        )
    }
}

private func accepted(
    _ context: UnsafeMutableRawPointer?,
    _ raw: OpaquePointer?,
    _ address: UnsafePointer<CChar>?
) -> UnsafeMutableRawPointer? {
    guard let raw = unsafe raw, let address = unsafe address else { preconditionFailure("an accepted socket is there") }
    let loop: EventLoop = unsafe object(context)
    let connection = unsafe Connection(loop, ConnectionHandle(raw, loop), String(cString: address))
    connection.assumeIsolated { $0.begin() }
    // Given back by `released`.
    return unsafe Unmanaged.passRetained(connection).toOpaque()
}

private func head(_ peer: UnsafeMutableRawPointer?, _ head: UnsafePointer<cb_head>?) -> Int64 {
    guard let head = unsafe head else { preconditionFailure("a request's head is there") }
    let copy = unsafe RequestHead(head.pointee)
    return unsafe connection(peer).assumeIsolated { $0.receive(copy) }
}

// The three kinds of pointers. C passes each only where its kind is meant, and never after `released` or `stopped`.

private func loop(_ pointer: UnsafeMutableRawPointer?) -> EventLoop { unsafe object(pointer) }
private func connection(_ pointer: UnsafeMutableRawPointer?) -> Connection { unsafe object(pointer) }
private func webSocket(_ pointer: UnsafeMutableRawPointer?) -> WebSocket { unsafe object(pointer) }

private func object<Object: AnyObject>(_ pointer: UnsafeMutableRawPointer?) -> Object {
    guard let pointer = unsafe pointer else { preconditionFailure("C returns the pointer that it was given") }
    return unsafe Unmanaged<Object>.fromOpaque(pointer).takeUnretainedValue()
}

/// The object, with the reference that C held.
private func released<Object: AnyObject>(
    _ pointer: UnsafeMutableRawPointer?,
    as type: Object.Type
) -> Object {
    guard let pointer = unsafe pointer else { preconditionFailure("C returns the pointer that it was given") }
    return unsafe Unmanaged<Object>.fromOpaque(pointer).takeRetainedValue()
}

extension RoutingFailure {
    init(_ failure: cb_failure, _ reason: String) {
        switch failure {
        case CB_TARGET_TOO_LONG: self = .targetTooLong
        case CB_HEADER_TOO_LARGE: self = .headerTooLarge
        case CB_BODY_TOO_LARGE: self = .payloadTooLarge
        case CB_VERSION_NOT_SUPPORTED: self = .unsupportedVersion
        case CB_EXPECTATION_FAILED: self = .unsupportedExpectation
        case CB_TOO_SLOW: self = .requestTimeout
        default: self = .malformed(reason)
        }
    }
}
