extension FuzzTarget {
    /// Everything that is fuzzed, against running servers.
    static func all(_ servers: FuzzServers) -> [FuzzTarget] {
        pure + [http(port: servers.httpPort), webSocket(port: servers.webSocketPort)]
    }

    /// What needs no server.
    static let pure: [FuzzTarget] =
        [json, jsonSchema, serverSentEvents, traceContext, byteRange, mediaType, jsonWebToken, keySet]
        + [brokerAddress, settings, hex, base64URL, timestamp, uuid, position, contextID]
        + [cron, zoneFile]
        + modelAnswers + mcpAnswers
}
