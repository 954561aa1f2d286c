import Testing

@testable import Subprocess

@Suite struct StopPhaseTests {
    let start = ContinuousClock.now

    @Test func `time asks first and kills after the grace`() {
        var phase = StopPhase.running(until: start + .seconds(1))
        #expect(phase.pass(to: start, grace: .seconds(2)) == nil)
        #expect(phase.pass(to: start + .seconds(1), grace: .seconds(2)) == .terminate)
        #expect(phase.pass(to: start + .seconds(2), grace: .seconds(2)) == nil)
        #expect(phase.pass(to: start + .seconds(3), grace: .seconds(2)) == .kill)
        #expect(phase == .killed(.timedOut))
        #expect(phase.deadline == nil)
    }

    @Test func `the first reason stays, and draining keeps it`() {
        var phase = StopPhase.running(until: start + .seconds(1))
        #expect(phase.stop(.cancelled, at: start, grace: .seconds(2)) == .terminate)
        #expect(phase.stop(.outputLimit, at: start, grace: .seconds(2)) == nil)
        phase.drain(from: start)
        #expect(phase.reason == .cancelled)
        #expect(phase.pass(to: start + .seconds(9), grace: .seconds(2)) == nil)
    }
}

@Suite struct LineSplitterTests {
    @Test func `lines end at either mark, in whatever pieces they come`() {
        let text = Array("ab\r\ncd\rlonglong\n\nend".utf8)
        for size in 1...text.count {
            var splitter = LineSplitter(maximumBytes: 4)
            var lines: [String] = []
            for start in stride(from: 0, to: text.count, by: size) {
                lines += splitter.split(text[start..<min(start + size, text.count)])
            }
            #expect(lines == ["ab", "cd", "long"])
            #expect(splitter.finish() == "end")
            #expect(splitter.finish() == nil)
        }
    }

    @Test func `of a line without end the beginning is there as soon as it is long enough`() {
        var splitter = LineSplitter(maximumBytes: 4)
        #expect(splitter.split(Array("abc".utf8)[...]) == [])
        #expect(splitter.split(Array("defg".utf8)[...]) == ["abcd"])
        #expect(splitter.split(Array("hij\nk\n".utf8)[...]) == ["k"])
    }
}
