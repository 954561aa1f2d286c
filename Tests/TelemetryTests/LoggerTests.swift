import Kernel
import Telemetry
import TestSupport
import Testing

@Suite struct LoggerTests {
    let clock = WallClock { Timestamp(microseconds: 0) }

    @Test func `writes one JSON object with its facts escaped`() {
        let lines = RecordedLog()
        let sink = LogSink(level: .info, clock: clock) { lines.append($0) }
        Logger(sink).with(["service": "jobs"]).info("job claimed", ["job_id": "7", "text": "a\"b\n\u{1}"])
        #expect(
            lines.all == [
                #"{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"job claimed","service":"jobs","job_id":"7","text":"a\"b\n\u0001"}"#
            ]
        )
    }

    @Test func `leaves out lines below its level`() {
        let lines = RecordedLog()
        let logger = Logger(LogSink(level: .warning, clock: clock) { lines.append($0) })
        logger.debug("one")
        logger.info("two")
        logger.warning("three")
        logger.error("four")
        #expect(lines.all.count == 2)
    }

    @Test func `secrets stay dots`() {
        let lines = RecordedLog()
        Logger(LogSink(level: .info, format: .text, clock: clock) { lines.append($0) })
            .info("connected", ["password": Secret("swordfish")])
        #expect(lines.all == ["1970-01-01T00:00:00.000Z INFO connected password=•••"])
    }
}
