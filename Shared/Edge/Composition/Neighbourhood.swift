public import Concurrency
public import HTTPClient
import HTTPServer
public import Lifecycle
public import Telemetry

/// What a service has around it: where the others are, how it is found itself, and where its spans go.
public struct Neighbourhood: Sendable {
    /// Where the other services are.
    public let directory: ServiceDirectory
    /// The client for calls to them.
    public let client: Client
    /// Collects spans, where a collector is configured.
    public let tracer: Tracer
    /// To be told the port as soon as the server listens.
    public let bound = Promise<UInt16>()
    private let settings: ServiceSettings
    private let service: ServiceName
    private let program: Program.Environment

    /// The surroundings of `service`.
    public init(_ settings: ServiceSettings, of service: ServiceName, _ program: Program.Environment) {
        self.settings = settings
        self.service = service
        self.program = program
        directory = ServiceDirectory(settings.discovery)
        client = Client(ClientSettings(name: service.rawValue), logger: program.logger, metrics: program.metrics)
        tracer = Tracer(capacity: settings.otlpEndpoint == nil ? 0 : 4096, metrics: program.metrics)
    }

    /// The services behind it: Consul's and the collector's, as far as they are configured. `names` are looked up.
    public func services(watching names: [ServiceName] = []) -> [any Service] {
        var services: [any Service] = []
        if let endpoint = settings.otlpEndpoint {
            services.append(
                SpanExporter(
                    tracer,
                    endpoint: endpoint,
                    service: "martlet-\(service.rawValue)",
                    client: client,
                    logger: program.logger,
                    metrics: program.metrics
                )
            )
        }
        guard let url = settings.discovery.consulURL else { return services }
        let consul = ConsulClient(url: url, client: client)
        let host = settings.discovery.advertisedHost ?? settings.server.host
        if !names.isEmpty {
            services.append(ConsulWatch(consul, names: names, directory: directory, logger: program.logger))
        }
        services.append(ConsulRegistration(consul, service, host: host, bound: bound, logger: program.logger))
        return services
    }
}
