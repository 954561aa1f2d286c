/// The exchanges, queues and bindings that must exist. They are declared at every connect.
///
/// Declaring what exists in the same shape changes nothing. What exists in another shape is never changed:
/// the connection then stays down with `BrokerError.topologyConflict`, which names it.
public struct Topology: Sendable, Hashable {
    /// An exchange.
    public struct Exchange: Sendable, Hashable {
        /// How an exchange routes.
        public enum Kind: String, Sendable { case direct, fanout, topic, headers }

        /// Its name.
        public var name: String
        /// How it routes.
        public var kind: Kind
        /// Whether it survives a restart of the broker.
        public var durable: Bool
        /// Whether it goes with its last binding.
        public var autoDelete: Bool
        /// Further arguments.
        public var arguments: [String: FieldValue]

        /// An exchange, durable unless said otherwise.
        public init(
            _ name: String,
            _ kind: Kind,
            durable: Bool = true,
            autoDelete: Bool = false,
            arguments: [String: FieldValue] = [:]
        ) {
            self.name = name
            self.kind = kind
            self.durable = durable
            self.autoDelete = autoDelete
            self.arguments = arguments
        }
    }

    /// A queue.
    public struct Queue: Sendable, Hashable {
        /// How a queue stores. A quorum queue is always durable, and never exclusive or auto-deleted.
        public enum Kind: String, Sendable { case classic, quorum }

        /// Its name.
        public var name: String
        /// How it stores.
        public var kind: Kind
        /// Whether it survives a restart of the broker.
        public var durable: Bool
        /// Whether only the declaring connection may use it; it goes with that connection.
        public var exclusive: Bool
        /// Whether it goes with its last consumer.
        public var autoDelete: Bool
        /// Further arguments, such as those of `limited(…)`.
        public var arguments: [String: FieldValue]

        /// A queue, durable unless said otherwise.
        public init(
            _ name: String,
            kind: Kind = .classic,
            durable: Bool = true,
            exclusive: Bool = false,
            autoDelete: Bool = false,
            arguments: [String: FieldValue] = [:]
        ) {
            self.name = name
            self.kind = kind
            self.durable = durable
            self.exclusive = exclusive
            self.autoDelete = autoDelete
            self.arguments = arguments
        }

        /// The same queue with bounds; what goes over them, expires or is rejected goes to `deadLetterExchange`.
        public func limited(
            messageTTL: Duration? = nil,
            expiresUnused: Duration? = nil,
            maximumMessages: Int? = nil,
            maximumBytes: Int? = nil,
            refusesWhenFull: Bool = false,
            deliveryLimit: Int? = nil,
            deadLetterExchange: String? = nil,
            deadLetterRoutingKey: String? = nil
        ) -> Queue {
            var queue = self
            queue.arguments["x-message-ttl"] = messageTTL.map { .int(Self.milliseconds($0)) }
            queue.arguments["x-expires"] = expiresUnused.map { .int(Self.milliseconds($0)) }
            queue.arguments["x-max-length"] = maximumMessages.map { .int(Int64($0)) }
            queue.arguments["x-max-length-bytes"] = maximumBytes.map { .int(Int64($0)) }
            queue.arguments["x-overflow"] = refusesWhenFull ? "reject-publish" : nil
            queue.arguments["x-delivery-limit"] = deliveryLimit.map { .int(Int64($0)) }
            queue.arguments["x-dead-letter-exchange"] = deadLetterExchange.map { .string($0) }
            queue.arguments["x-dead-letter-routing-key"] = deadLetterRoutingKey.map { .string($0) }
            return queue
        }

        private static func milliseconds(_ duration: Duration) -> Int64 {
            let (seconds, attoseconds) = duration.components
            return seconds * 1000 + attoseconds / 1_000_000_000_000_000
        }

        /// The arguments with the kind among them.
        var declaredArguments: [String: FieldValue] {
            kind == .quorum ? arguments.merging(["x-queue-type": "quorum"]) { $1 } : arguments
        }
    }

    /// A way from an exchange to a queue.
    public struct Binding: Sendable, Hashable {
        /// The exchange.
        public var exchange: String
        /// The queue.
        public var queue: String
        /// What the exchange compares with a message's routing key.
        public var routingKey: String
        /// Further arguments.
        public var arguments: [String: FieldValue]

        /// Binds `queue` to `exchange`.
        public init(
            from exchange: String,
            to queue: String,
            routingKey: String,
            arguments: [String: FieldValue] = [:]
        ) {
            self.exchange = exchange
            self.queue = queue
            self.routingKey = routingKey
            self.arguments = arguments
        }
    }

    /// The exchanges, declared first.
    public var exchanges: [Exchange]
    /// The queues, declared next.
    public var queues: [Queue]
    /// The bindings, declared last.
    public var bindings: [Binding]

    /// A topology; by default an empty one.
    public init(exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = []) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
    }
}
