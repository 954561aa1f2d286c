import HTTPServer
import JSON
import Lifecycle
public import Telemetry

extension API {
    /// Adds `/live`, `/ready`, `/health`, `/metrics` and `/openapi.json`. To be called last: OpenAPI lists what was added.
    public mutating func addOperations(health: HealthChecks, metrics: Metrics) {
        let name = name
        add(Operation(.get, "/live", "the process turns", scope: nil)) { _ in
            .json { json in json.object { $0.member("status", "alive") } }
        }
        add(Operation(.get, "/ready", "the service can serve", scope: nil)) { _ in
            let ready = await health.report().canServe
            return .json(ready ? .ok : .serviceUnavailable) { json in
                json.object { $0.member("status", ready ? "ready" : "unready") }
            }
        }
        add(Operation(.get, "/health", "how every part is", scope: nil)) { _ in
            let report = await health.report()
            return .json(report.canServe ? .ok : .serviceUnavailable) {
                report.write(to: &$0, service: name, version: Version.current)
            }
        }
        add(Operation(.get, "/metrics", "numbers for Prometheus", scope: nil, answersJSON: false)) { _ in
            .response(
                Response(.ok, type: "text/plain; version=0.0.4; charset=utf-8", Array(metrics.prometheusText().utf8))
            )
        }
        let page = OpenAPIPage(service: name, operations: operations + [OpenAPIPage.operation]).bytes
        add(OpenAPIPage.operation) { _ in .json(bytes: page) }
    }
}
