internal import Glibc

/// A running program as the loop's thread sees it. Only that thread touches it.
final class Child {
    let order: StartOrder
    private var phase: StopPhase
    private let process: ProcessHandle
    private var input: DescriptorHandle?
    private var unwritten: ArraySlice<UInt8>
    private var output: DescriptorHandle?
    private var error: DescriptorHandle?
    private var outputLines: LineSplitter
    private var errorLines: LineSplitter
    private var readBytes = 0
    private var ended: (status: Ending.Status, processorTime: Duration, peakMemoryBytes: Int)?

    /// Starts the program.
    init(_ order: StartOrder) throws(SubprocessError) {
        let command = order.command
        let outputPipe = try PipeHandle()
        let errorPipe = try PipeHandle()
        outputPipe.reader.stopBlocking()
        errorPipe.reader.stopBlocking()
        let first = order.input?.take() ?? command.input ?? []
        if order.input != nil || !first.isEmpty {
            let inputPipe = try PipeHandle()
            inputPipe.writer.stopBlocking()
            process = try ProcessHandle.start(
                command,
                input: inputPipe.reader,
                output: outputPipe.writer,
                error: errorPipe.writer
            )
            input = .some(inputPipe.writer)
            unwritten = first[...]
        } else {
            process = try ProcessHandle.start(
                command,
                input: try DescriptorHandle.null(),
                output: outputPipe.writer,
                error: errorPipe.writer
            )
            input = nil
            unwritten = []
        }
        self.order = order
        output = .some(outputPipe.reader)
        error = .some(errorPipe.reader)
        outputLines = LineSplitter(maximumBytes: command.maximumLineBytes)
        errorLines = LineSplitter(maximumBytes: command.maximumLineBytes)
        phase = .running(until: .now + command.timeout)
    }

    /// What the loop waits for.
    var polls: [pollfd] {
        var polls: [pollfd] = []
        if ended == nil { polls.append(pollfd(fd: process.ending.number, events: Int16(POLLIN), revents: 0)) }
        if !order.channel.isFull {
            if let number = output.number { polls.append(pollfd(fd: number, events: Int16(POLLIN), revents: 0)) }
            if let number = error.number { polls.append(pollfd(fd: number, events: Int16(POLLIN), revents: 0)) }
        }
        if let number = input.number, !unwritten.isEmpty {
            polls.append(pollfd(fd: number, events: Int16(POLLOUT), revents: 0))
        }
        return polls
    }

    /// When it must be looked at even if nothing comes.
    var deadline: ContinuousClock.Instant? { phase.deadline }

    /// Asks the program to end.
    func stop(_ reason: Ending.Reason) { obey(phase.stop(reason, at: .now, grace: order.command.grace)) }

    /// Does what can be done now. Returns the ending once everything is over.
    func turn(_ buffer: inout [UInt8]) -> Ending? {
        let now = ContinuousClock.now
        write()
        let isHeldUp = order.channel.isFull
        let hasRead = !isHeldUp && read(&buffer)
        if ended == nil, isOver {
            // The group first, while its number is still its own.
            process.signalGroup(SIGKILL)
            ended = process.reap()
            input = nil
            order.input?.end()
            phase.drain(from: now)
        } else if ended != nil, hasRead || isHeldUp {
            phase.drain(from: now)
        }
        obey(phase.pass(to: now, grace: order.command.grace))
        guard let ended else { return nil }
        let isSilent = phase.deadline.map { $0 <= now } ?? true
        guard (output.number == nil && error.number == nil) || isSilent else { return nil }
        order.channel.append(lastLines())
        return Ending(
            status: ended.status,
            stopped: phase.reason,
            processorTime: ended.processorTime,
            peakMemoryBytes: ended.peakMemoryBytes
        )
    }

    private var isOver: Bool {
        var wait = [pollfd(fd: process.ending.number, events: Int16(POLLIN), revents: 0)]
        // One element, lent for the call, which does not wait.
        return unsafe poll(&wait, 1, 0) == 1
    }

    private func obey(_ order: StopPhase.Order?) {
        switch order {
        case .terminate:
            process.signalGroup(SIGTERM)
            // A stopped program would not hear it.
            process.signalGroup(SIGCONT)
        case .kill: process.signalGroup(SIGKILL)
        case nil: break
        }
    }

    private func write() {
        guard input.number != nil else { return }
        while true {
            // Asked before taking: what is put meanwhile is not lost by a `finish` right behind it.
            let isOpen = order.input?.isOpen ?? false
            if unwritten.isEmpty { unwritten = (order.input?.take() ?? [])[...] }
            guard !unwritten.isEmpty else {
                if !isOpen { input = nil }
                return
            }
            switch input.write(unwritten) {
            case .moved(let count): unwritten.removeFirst(count)
            case .wouldBlock: return
            case .ended:
                // The program does not want the rest.
                unwritten = []
                order.input?.end()
            }
        }
    }

    /// Reads from both streams once. Returns whether something came.
    private func read(_ buffer: inout [UInt8]) -> Bool {
        let first = Child.read(&output, &outputLines, .output, &buffer, order.channel)
        let second = Child.read(&error, &errorLines, .error, &buffer, order.channel)
        readBytes += first + second
        if readBytes > order.command.maximumOutputBytes { stop(.outputLimit) }
        return first + second > 0
    }

    private static func read(
        _ stream: inout DescriptorHandle?,
        _ splitter: inout LineSplitter,
        _ name: OutputLine.Stream,
        _ buffer: inout [UInt8],
        _ channel: LineChannel
    ) -> Int {
        switch stream.read(into: &buffer) {
        case .moved(let count):
            channel.append(splitter.split(buffer[..<count]).map { OutputLine(name, $0) })
            return count
        case .wouldBlock: return 0
        case .ended:
            stream = nil
            channel.append(splitter.finish().map { [OutputLine(name, $0)] } ?? [])
            return 0
        }
    }

    private func lastLines() -> [OutputLine] {
        (outputLines.finish().map { [OutputLine(.output, $0)] } ?? [])
            + (errorLines.finish().map { [OutputLine(.error, $0)] } ?? [])
    }
}

/// A stream that has ended has no descriptor, and nothing comes from it.
extension Optional where Wrapped == DescriptorHandle, Wrapped: ~Copyable {
    fileprivate var number: Int32? {
        switch self {
        case .some(let handle): handle.number
        case .none: nil
        }
    }

    fileprivate func read(into buffer: inout [UInt8]) -> DescriptorHandle.Transfer {
        switch self {
        case .some(let handle): handle.read(into: &buffer)
        case .none: .wouldBlock
        }
    }

    fileprivate func write(_ bytes: ArraySlice<UInt8>) -> DescriptorHandle.Transfer {
        switch self {
        case .some(let handle): handle.write(bytes)
        case .none: .ended
        }
    }
}
