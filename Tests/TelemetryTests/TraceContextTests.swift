import Telemetry
import Testing

@Suite struct TraceContextTests {
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `reads and writes traceparent`() throws {
        let context = try #require(TraceContext(traceparent: header, tracestate: "vendor=1"))
        #expect(context.traceparent == header)
        #expect(context.sampled)
        #expect(context.state == "vendor=1")
        let child = context.child()
        #expect(child.traceID == context.traceID)
        #expect(child.spanID != context.spanID)
        #expect(child.state == "vendor=1")
    }

    @Test func `a later version may carry more`() {
        #expect(TraceContext(traceparent: "01" + header.dropFirst(2) + "-more") != nil)
    }

    @Test(arguments: [
        "", "00", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ])
    func `refuses what is not valid`(header: String) { #expect(TraceContext(traceparent: header) == nil) }
}
