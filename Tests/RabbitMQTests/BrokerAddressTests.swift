import Kernel
import RabbitMQ
import Testing

@Suite(.timeLimit(.minutes(1))) struct BrokerAddressTests {
    @Test(arguments: [
        ("amqp://h", "h", 5672, "guest", "guest", "/"),
        ("amqps://h/", "h", 5671, "guest", "guest", "/"),
        ("amqp://u:p@h:1/%2f", "h", 1, "u", "p", "/"),
        ("amqp://u%40x:p%3A%2f@h:65535/a%2Fb", "h", 65535, "u@x", "p:/", "a/b"),
        ("amqp://u:p:q@h/v", "h", 5672, "u", "p:q", "v"),
        ("amqp://u:@[::1]:5673/v", "::1", 5673, "u", "", "v"),
    ])
    func `each part is read`(
        url: String,
        host: String,
        port: UInt16,
        user: String,
        password: String,
        virtualHost: String
    ) throws {
        let address = try BrokerAddress(url: url)
        #expect(address.host == host && address.port == port && address.user == user)
        #expect(address.password.reveal() == password && address.virtualHost == virtualHost)
        #expect(address.usesTLS == url.hasPrefix("amqps"))
    }

    @Test(arguments: [
        ("http://h", BrokerAddress.Invalid.scheme), ("amqp://", .host), ("amqp://u:p@/v", .host),
        ("amqp://a:b:c", .host),
        ("amqp://[::1", .host), ("amqp://[::1]x", .host), ("amqp://h:0", .port), ("amqp://h:65536", .port),
        ("amqp://h:", .port), ("amqp://h/%2", .percentEncoding), ("amqp://h/%zz", .percentEncoding),
        ("amqp://h/%00", .percentEncoding), ("amqp://h/%ff", .percentEncoding), ("amqp://h/a/b", .path),
        ("amqp://h/v?heartbeat=3", .query),
    ])
    func `what is wrong is named`(url: String, reason: BrokerAddress.Invalid) {
        #expect(throws: reason) { try BrokerAddress(url: url) }
    }

    @Test func `the password is never printed`() throws {
        let address = try BrokerAddress(url: "amqp://martlet:hunter2@h/v")
        #expect("\(address)" == "amqp://martlet:•••@h:5672/v")
        #expect(!String(reflecting: address).contains("hunter2"))
        var dumped = ""
        dump(address, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }
}
