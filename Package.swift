// swift-tools-version: 6.2
import PackageDescription

/// One list for every target: what the compiler is asked to refuse.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    // Every use of an unsafe pointer says so: https://github.com/swiftlang/swift-evolution/blob/main/proposals/0458-strict-memory-safety.md
    .strictMemorySafety(),
    // `any P` is written out: SE-0335
    .enableUpcomingFeature("ExistentialAny"),
    // Imports do not leak to our importers unless they say `public import`: SE-0409
    .enableUpcomingFeature("InternalImportsByDefault"),
    // A member is visible only where its module is imported: SE-0444
    .enableUpcomingFeature("MemberImportVisibility"),
    // An async function runs where its caller runs: SE-0461
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // A conformance may be isolated like its type: SE-0470
    .enableUpcomingFeature("InferIsolatedConformances"),
    // A weak reference that never changes can be Sendable: SE-0481
    .enableUpcomingFeature("ImmutableWeakCaptures"),
]

/// `Mutex` is invisible to ThreadSanitizer on Linux; that lane builds the lock on pthread instead.
let threadSanitizer: [SwiftSetting] = Context.environment["MARTLET_TSAN"] == nil ? [] : [.define("PTHREAD_LOCK")]

func shared(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    excluding: [String] = [],
    resources: [Resource] = []
) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        path: "Shared/\(name)",
        exclude: excluding,
        resources: resources,
        swiftSettings: strict + threadSanitizer
    )
}

func service(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies,
        path: "Services/\(name)",
        swiftSettings: strict + threadSanitizer
    )
}

func tests(
    _ name: String,
    _ dependencies: [Target.Dependency],
    excluding: [String] = [],
    resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies,
        path: "Tests/\(name)",
        exclude: excluding,
        resources: resources,
        swiftSettings: strict
    )
}

let package = Package(
    name: "martlet",
    products: [
        .executable(name: "agent-service", targets: ["AgentService"]),
        .executable(name: "job-queue-service", targets: ["JobQueueService"]),
        .executable(name: "notification-service", targets: ["NotificationService"]),
        .executable(name: "martlet", targets: ["MartletCommand"]),
        .executable(name: "reference-worker", targets: ["ReferenceWorker"]),
    ],
    targets: [
        // Pure values and concurrency tools.
        shared("Kernel"),
        shared("Concurrency", ["Kernel"]),
        shared("Settings", ["Kernel"]),
        shared("Telemetry", ["Kernel", "Concurrency"]),
        shared("Cron", ["Kernel", "Concurrency"]),
        shared("Lifecycle", ["Kernel", "Concurrency", "Settings", "Telemetry"]),
        .target(name: "CSimdjson", path: "Shared/JSON/CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
        shared("JSON", ["Kernel", "CSimdjson"], excluding: ["CSimdjson"]),

        // One wrapper per C or C++ library.
        .systemLibrary(name: "CLibPQ", path: "Shared/Postgres/CLibPQ", pkgConfig: "libpq"),
        shared("Postgres", ["Kernel", "Concurrency", "Telemetry", "JSON", "CLibPQ"], excluding: ["CLibPQ"]),
        .systemLibrary(name: "CRabbitMQ", path: "Shared/RabbitMQ/CRabbitMQ", pkgConfig: "librabbitmq"),
        shared("RabbitMQ", ["Kernel", "Concurrency", "Telemetry", "CRabbitMQ"], excluding: ["CRabbitMQ"]),
        .target(
            name: "CBeast",
            path: "Shared/HTTPServer/CBeast",
            cxxSettings: [.define("NDEBUG", .when(configuration: .release))]
        ),
        shared("HTTPServer", ["Kernel", "Concurrency", "Telemetry", "JSON", "CBeast"], excluding: ["CBeast"]),
        .systemLibrary(name: "CCurl", path: "Shared/HTTPClient/CCurl", pkgConfig: "libcurl"),
        shared("HTTPClient", ["Kernel", "Concurrency", "Telemetry", "JSON", "CCurl"], excluding: ["CCurl"]),
        shared("Files", ["Concurrency"]),
        .target(name: "CSpawn", path: "Shared/Subprocess/CSpawn"),
        shared("Subprocess", ["Concurrency", "CSpawn"], excluding: ["CSpawn"]),
        shared(
            "MCPClient",
            ["Kernel", "Concurrency", "Telemetry", "JSON", "HTTPClient", "Subprocess"]
        ),
        .systemLibrary(name: "COpenSSL", path: "Shared/Crypto/COpenSSL", pkgConfig: "libcrypto"),
        shared("Crypto", ["Kernel", "JSON", "COpenSSL"], excluding: ["COpenSSL"]),

        // What crosses a process, and what services put between the wrappers and their own rules.
        shared("Contracts", ["Kernel", "JSON"]),
        shared(
            "Messaging",
            ["Kernel", "Concurrency", "Telemetry", "Lifecycle", "JSON", "Contracts", "Postgres", "RabbitMQ"]
        ),
        shared(
            "Store",
            ["Kernel", "Telemetry", "JSON", "Contracts", "Postgres", "Crypto"],
            resources: [.embedInCode("Migrations")]
        ),
        shared("LanguageModels", ["Kernel", "Concurrency", "Settings", "Telemetry", "JSON", "HTTPClient"]),
        shared(
            "Edge",
            [
                "Kernel", "Concurrency", "Telemetry", "Settings", "Lifecycle", "JSON", "Contracts", "Postgres",
                "Crypto",
                "HTTPServer", "HTTPClient", "RabbitMQ", "Store",
            ]
        ),

        // The services. They share nothing of one another but Contracts.
        service(
            "JobQueueService",
            [
                "Kernel", "Concurrency", "Telemetry", "Settings", "Lifecycle", "JSON", "Contracts", "Postgres",
                "RabbitMQ",
                "HTTPServer", "HTTPClient", "Crypto", "Files", "Subprocess", "Messaging", "Store", "Edge", "Cron",
            ]
        ),

        service(
            "NotificationService",
            [
                "Kernel", "Concurrency", "Telemetry", "Settings", "Lifecycle", "JSON", "Contracts", "Postgres",
                "RabbitMQ", "HTTPServer", "HTTPClient", "Crypto", "Messaging", "Store", "Edge",
            ]
        ),
        service(
            "AgentService",
            [
                "Kernel", "Concurrency", "Telemetry", "Settings", "Lifecycle", "JSON", "Contracts", "Postgres",
                "RabbitMQ", "HTTPServer", "HTTPClient", "MCPClient", "Subprocess", "Crypto", "Messaging", "Store",
                "Edge",
                "LanguageModels",
            ]
        ),

        // The command line, for people.
        .executableTarget(
            name: "MartletCommand",
            dependencies: [
                "Kernel", "Concurrency", "Telemetry", "Settings", "Lifecycle", "JSON", "Contracts", "HTTPClient",
                "HTTPServer", "Subprocess", "Files",
            ],
            path: "Services/CommandLine",
            swiftSettings: strict + threadSanitizer
        ),

        // The worker in Swift that the conformance kit is tried on; a pattern for others.
        .executableTarget(
            name: "ReferenceWorker",
            dependencies: ["Kernel", "Concurrency", "Telemetry", "Settings", "Lifecycle", "JSON", "HTTPClient"],
            path: "clients/swift/ReferenceWorker",
            swiftSettings: strict
        ),

        // Tests of the foundation.
        shared("TestSupport", ["Kernel", "Concurrency", "Telemetry", "JSON", "Contracts", "Postgres", "RabbitMQ"]),
        tests("TestSupportTests", ["TestSupport", "Contracts"]),
        tests("KernelTests", ["Kernel", "TestSupport"]),
        tests("ConcurrencyTests", ["Concurrency", "Kernel", "TestSupport"]),
        tests("SettingsTests", ["Settings", "Kernel"]),
        tests("CronTests", ["Cron", "Kernel", "TestSupport"]),
        tests("TelemetryTests", ["Telemetry", "Kernel", "Concurrency", "TestSupport"]),
        tests("LifecycleTests", ["Lifecycle", "Kernel", "Concurrency", "Settings", "Telemetry"]),
        tests("JSONTests", ["JSON", "Kernel", "TestSupport"]),
        tests(
            "PostgresTests",
            ["Postgres", "Kernel", "Concurrency", "Telemetry", "JSON", "TestSupport"],
            resources: []
        ),
        tests("RabbitMQTests", ["RabbitMQ", "Kernel", "Concurrency", "Telemetry", "TestSupport"]),
        tests("HTTPServerTests", ["HTTPServer", "Kernel", "Concurrency", "Telemetry", "JSON", "TestSupport"]),
        tests("HTTPClientTests", ["HTTPClient", "Kernel", "Concurrency", "Telemetry", "TestSupport"]),
        tests(
            "LanguageModelsTests",
            [
                "LanguageModels", "Kernel", "Concurrency", "Settings", "Telemetry", "JSON", "HTTPServer", "HTTPClient",
                "TestSupport",
            ],
            excluding: ["Resources"]
        ),
        tests("CryptoTests", ["Crypto", "Kernel", "JSON"]),
        tests("FilesTests", ["Files"]),
        tests("SubprocessTests", ["Subprocess", "Concurrency"]),
        tests(
            "MCPClientTests",
            [
                "MCPClient", "Kernel", "Concurrency", "Telemetry", "JSON", "HTTPClient", "HTTPServer", "Subprocess",
                "TestSupport",
            ],
            excluding: ["Resources"]
        ),
        tests("StoreTests", ["Store", "Kernel", "Telemetry", "Contracts", "Postgres", "TestSupport"]),
        tests("ContractsTests", ["Contracts", "Kernel", "JSON"]),
        // The job queue on paper. Optimised in debug builds too: it visits some hundred thousand states.
        .target(
            name: "TransitionModel",
            dependencies: ["Contracts"],
            path: "Tests/TransitionModel",
            swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]
        ),
        tests(
            "JobQueueServiceTests",
            [
                "JobQueueService", "TransitionModel", "Kernel", "Concurrency", "Telemetry", "Settings", "Lifecycle",
                "JSON", "Contracts",
                "Postgres", "HTTPServer", "HTTPClient", "Crypto", "Messaging", "Store", "Edge", "Subprocess",
                "TestSupport", "Cron",
            ]
        ),
        tests(
            "AgentServiceTests",
            [
                "AgentService", "Kernel", "Concurrency", "Telemetry", "Settings", "Lifecycle", "JSON", "Contracts",
                "Postgres", "HTTPServer", "HTTPClient", "MCPClient", "Subprocess", "Crypto", "Messaging", "Store",
                "Edge", "LanguageModels", "TestSupport",
            ],
            excluding: ["Resources"]
        ),
        tests(
            "CommandLineTests",
            [
                "MartletCommand", "Kernel", "Concurrency", "Telemetry", "JSON", "Contracts", "HTTPServer", "HTTPClient",
            ]
        ),
        tests(
            "EdgeTests",
            [
                "Edge", "Kernel", "Concurrency", "Telemetry", "Settings", "Lifecycle", "JSON", "Contracts", "Crypto",
                "HTTPServer", "HTTPClient", "Store", "TestSupport",
            ]
        ),
        tests("ArchitectureTests", ["TestSupport"]),
        tests(
            "SystemTests",
            [
                "AgentService", "JobQueueService", "NotificationService", "Kernel", "Concurrency", "Telemetry", "JSON",
                "Contracts", "Postgres", "RabbitMQ", "HTTPServer", "HTTPClient", "Crypto", "TestSupport",
            ],
            excluding: ["Resources"]
        ),

        tests(
            "MessagingTests",
            [
                "Messaging", "Kernel", "Concurrency", "Telemetry", "Lifecycle", "JSON", "Contracts", "Postgres",
                "RabbitMQ", "Store", "TestSupport",
            ]
        ),
        tests(
            "NotificationServiceTests",
            [
                "NotificationService", "Kernel", "Concurrency", "Telemetry", "Settings", "Lifecycle", "JSON",
                "Contracts", "Postgres", "RabbitMQ", "HTTPServer", "HTTPClient", "Crypto", "Messaging", "Store", "Edge",
                "TestSupport",
            ],
            excluding: ["Resources"]
        ),

        // Mutated bytes for everything that reads what comes from outside.
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "Kernel", "Concurrency", "Settings", "Telemetry", "JSON", "Contracts", "RabbitMQ", "HTTPServer",
                "HTTPClient", "Crypto", "Edge", "Cron", "LanguageModels", "MCPClient",
            ],
            path: "Tests/Fuzz",
            swiftSettings: strict
        ),
        tests("FuzzTests", ["Fuzz"]),

        // Measured by hand, against peers.
        .executableTarget(
            name: "HTTPHello",
            dependencies: ["HTTPServer", "Telemetry"],
            path: "Tests/Benchmarks/HTTPHello",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "ServiceLoad",
            dependencies: [
                "Kernel", "Concurrency", "Settings", "Telemetry", "Lifecycle", "JSON", "Contracts", "HTTPClient",
                "Postgres", "RabbitMQ", "Messaging", "TestSupport",
            ],
            path: "Tests/Benchmarks/ServiceLoad",
            swiftSettings: strict
        ),
    ],
    cxxLanguageStandard: .cxx20
)
