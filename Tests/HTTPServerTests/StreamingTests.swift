import Concurrency
import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct StreamingTests {
    private static func upload(_ path: String, _ length: Int) -> String {
        "POST \(path) HTTP/1.1\r\nHost: h\r\nContent-Length: \(length)\r\n\r\n"
    }

    @Test func `a stream without a length is sent in chunks, and the connection goes on`() async throws {
        try await withServer { router in
            router.add(.get, "/count") { _ in
                Response(
                    .ok,
                    body: .stream(contentLength: nil) { writer in
                        for number in 1...3 { try await writer.write(Array("\(number)\n".utf8)) }
                    }
                )
            }
        } _: { port, _ in
            let client = try RawClient.connect(port)
            let answer = try await client.ask(get("/count"))
            #expect(answer["Transfer-Encoding"] == "chunked")
            #expect(answer.text == "1\n2\n3\n")
            #expect(try await client.ask("HEAD /count HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
            #expect(try await client.ask(get("/count")).text == "1\n2\n3\n")
            let old = try await ask(port, "GET /count HTTP/1.0\r\n\r\n")
            #expect(old["Transfer-Encoding"] == nil)
            #expect(old.text == "1\n2\n3\n")
        }
    }

    @Test func `a stream with a length has it, and one that breaks its word is cut`() async throws {
        try await withServer { router in
            router.add(.get, "/{count}") { request in
                Response(
                    .ok,
                    body: .stream(contentLength: 4) { writer in
                        let count = Int(request.parameters["count"] ?? "") ?? 0
                        try await writer.write([UInt8](repeating: 0x61, count: count))
                    }
                )
            }
        } _: { port, _ in
            let client = try RawClient.connect(port)
            let answer = try await client.ask(get("/4"))
            #expect(answer["Content-Length"] == "4")
            #expect(answer.text == "aaaa")
            await #expect(throws: RawClient.Failure.self) { _ = try await client.ask(get("/3")) }
        }
    }

    @Test func `a stream that fails is cut before its end`() async throws {
        struct Failure: Error {}
        try await withServer { router in
            router.add(.get, "/") { _ in
                Response(
                    .ok,
                    body: .stream(contentLength: nil) { writer in
                        try await writer.write([0x61])
                        throw Failure()
                    }
                )
            }
        } _: { port, _ in
            let client = try RawClient.connect(port)
            await #expect(throws: RawClient.Failure.self) { _ = try await client.ask(get("/")) }
        }
    }

    @Test func `a writer waits for a client that does not read`() async throws {
        let written = Probe<Int>()
        let total = 512
        try await withServer { router in
            router.add(.get, "/") { _ in
                Response(
                    .ok,
                    body: .stream(contentLength: total << 16) { writer in
                        for number in 1...total {
                            try await writer.write([UInt8](repeating: 0x61, count: 1 << 16))
                            await written.record(number)
                        }
                    }
                )
            }
        } _: { port, _ in
            let client = try RawClient.connect(port, receiveBuffer: 4096)
            try await client.send(get("/"))
            let head = try await client.readHead()
            #expect(head.status == 200)
            try await written.wait(for: 1)
            // 32 MiB fit into no socket's buffers: while nothing is read, the writer cannot have come to the end.
            #expect(await written.events.count < total)
            #expect(try await client.read(total << 16).count == total << 16)
            try await written.wait(for: total)
        }
    }

    @Test func `a streamed body comes to its handler as it is sent`() async throws {
        let chunks = Probe<String>()
        try await withServer { router in
            router.add(.post, "/", body: .streamed(atMost: 100)) { request in
                do {
                    for try await chunk in request.body.chunks {
                        await chunks.record(String(decoding: chunk, as: UTF8.self))
                    }
                    return .text(.ok, "all")
                } catch {
                    return .text(.badRequest, "\(error)")
                }
            }
        } _: { port, _ in
            let client = try RawClient.connect(port)
            try await client.send(Self.upload("/", 6) + "abc")
            try await chunks.wait(for: "abc")
            try await client.send("def")
            #expect(try await client.readAnswer().text == "all")
            #expect(await chunks.events == ["abc", "def"])
            // The connection goes on: the body was read to its end.
            #expect(try await client.ask(Self.upload("/", 1) + "x").text == "all")
            #expect(try await client.ask(Self.upload("/", 101)).status == 413)
        }
    }

    @Test func `a body that breaks off fails in its handler`() async throws {
        let begun = Probe<String>()
        let failures = Probe<RequestBodyError>()
        try await withServer {
            $0.bodyIdleTimeout = .milliseconds(50)
        } routes: { router in
            router.add(.post, "/{name}", body: .streamed(atMost: 100)) { request in
                do {
                    await begun.record(request.parameters["name"] ?? "")
                    _ = try await request.body.collect(atMost: 100)
                    return Response(.ok)
                } catch let error as RequestBodyError {
                    await failures.record(error)
                    return Response(.badRequest)
                } catch {
                    return Response(.internalServerError)
                }
            }
        } _: { port, _ in
            let slow = try RawClient.connect(port)
            try await slow.send(Self.upload("/slow", 6) + "abc")
            #expect(try await slow.readAnswer().status == 400)
            try await failures.wait(for: .tooSlow)
            let ended = try RawClient.connect(port)
            try await ended.send(Self.upload("/ended", 6) + "abc")
            await ended.endSending()
            #expect(try await ended.readAnswer().status == 400)
            try await failures.wait(for: .malformed)
            let malformed = try RawClient.connect(port)
            try await malformed.send("POST /bad HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXXXXX")
            #expect(try await malformed.readAnswer().status == 400)
            let gone = try RawClient.connect(port)
            try await gone.send(Self.upload("/gone", 6) + "abc")
            // A reset throws away what the server has not read yet.
            try await begun.wait(for: "gone")
            await gone.reset()
            try await failures.wait(for: .connectionLost)
        }
    }

    @Test func `a client waits for a handler that does not read its body`() async throws {
        let mayRead = Promise<Void>()
        let total = 32 << 20
        try await withServer { router in
            router.add(.post, "/", body: .streamed(atMost: total)) { request in
                do {
                    try await mayRead.value()
                    var count = 0
                    for try await chunk in request.body.chunks { count += chunk.count }
                    return .text(.ok, "\(count)")
                } catch {
                    return .text(.badRequest, "\(error)")
                }
            }
        } _: { port, _ in
            let client = try RawClient.connect(port)
            try await client.send(Self.upload("/", total))
            // Sent until the kernel takes no more: the server has stopped reading long before the end.
            let first = try await client.sendWhatFits([UInt8](repeating: 0x61, count: total))
            #expect(first < total)
            mayRead.succeed(())
            try await client.send([UInt8](repeating: 0x61, count: total - first))
            #expect(try await client.readAnswer().text == "\(total)")
        }
    }

    @Test func `an answer before the body's end closes the connection`() async throws {
        try await withServer { router in
            router.add(.post, "/", body: .streamed(atMost: 100)) { _ in .text(.ok, "enough") }
        } _: { port, _ in
            let client = try RawClient.connect(port)
            let answer = try await client.ask(Self.upload("/", 6) + "abc")
            #expect(answer.text == "enough")
            #expect(answer["Connection"] == "close")
        }
    }

    @Test func `an event stream learns that its client went away without writing`() async throws {
        let probe = Probe<String>()
        try await withServer { router in
            router.add(.get, "/events") { _ in
                Response(
                    .ok,
                    headers: ["Content-Type": "text/event-stream"],
                    body: .stream(contentLength: nil) { writer in
                        try await writer.write(Array("data: 1\n\n".utf8))
                        let ending = await writer.closed()
                        await probe.record("\(ending) \(writer.isClosed)")
                    }
                )
            }
        } _: { port, server in
            let leaving = try RawClient.connect(port)
            try await leaving.send(get("/events"))
            _ = try await leaving.readHead()
            #expect(try await leaving.readChunk() == Array("data: 1\n\n".utf8))
            await leaving.close()
            try await probe.wait(for: "clientGone true")

            let staying = try RawClient.connect(port)
            try await staying.send(get("/events"))
            _ = try await staying.readHead()
            _ = try await staying.readChunk()
            await server.stop(grace: .seconds(20))
            try await probe.wait(for: "serverStopping false")
            #expect(try await staying.readChunk().isEmpty)
        }
    }
}
