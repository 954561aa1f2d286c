import Kernel
import Testing

@testable import MartletCommand

/// Where the services are, and whose token they see.
@Suite(.timeLimit(.minutes(1))) struct EndpointTests {
    @Test func `the environment goes before the file, and the file before what is usual`() {
        let file = Endpoints.parse("# made\nAGENT_URL=http://file:1\nJOB_QUEUE_URL=http://file:2/\nnonsense\nX=a=b\n")
        #expect(file["X"] == "a=b")
        let endpoints = Endpoints(
            environment: ["MARTLET_URL_AGENT": "http://env:3", "AGENT_URL": "http://env:4"],
            file: file
        )
        #expect(endpoints.agent == "http://env:3")
        #expect(endpoints.jobQueue == "http://file:2")
        #expect(endpoints.notification == "http://127.0.0.1:8082")
    }

    @Test(arguments: [
        ("http://127.0.0.1:8081", true), ("http://localhost:1", true), ("http://[::1]:1", true),
        ("http://localhost", true), ("http://localhost.example.org:1", false), ("http://10.0.0.1:1", false),
        ("https://127.0.0.1.example.org", false),
    ])
    func `the development token stays on this machine`(url: String, isOffered: Bool) {
        let endpoints = Endpoints(environment: [:])
        #expect((endpoints.token(for: url)?.reveal() == "dev-token") == isOffered)
    }

    @Test func `a configured token goes everywhere`() {
        let endpoints = Endpoints(environment: ["MARTLET_TOKEN": "mk_x"], file: ["MARTLET_DEV_TOKEN": "y"])
        #expect(endpoints.token(for: "http://far:1")?.reveal() == "mk_x")
    }
}
