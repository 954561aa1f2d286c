// RabbitMQ: publishing with confirms and consuming with acknowledgements, on librabbitmq.
//
// `Publisher` and `Consumer` each own one connection and the one thread that may touch it. Their `run()` connects,
// declares the `Topology`, works, and begins again with backoff when the connection is lost, until its task is
// cancelled. `ConfirmTracker`, `TagWindow` and `DeliveryAssembler` are pure and hold the rules of the protocol.
//
// It promises: `publish` returns an outcome only when the broker has answered for that message, and otherwise
// throws, so a caller that publishes again loses nothing (at least once); a consumer holds at most `prefetch`
// unsettled deliveries and says when the connection changed, because there may be a gap or a repetition; no call
// hangs: a watchdog cuts a connection whose call into the library does not return, heartbeats find a dead peer.
// It refuses: transactions, automatic acknowledgement, `basic.get`, sharing a connection between the two directions,
// and giving C memory to anyone.
//
// librabbitmq does nothing in the background and believes nothing it is not asked: heartbeats live in the read
// loop, return code 0 of a publish means nothing, and two capabilities (consumer_cancel_notify, connection.blocked)
// must be announced by hand or the broker stays silent about deleted queues and alarms.
