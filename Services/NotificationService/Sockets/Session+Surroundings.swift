import Edge
import JSON
import Kernel
import Messaging
import Telemetry

extension Session {
    /// What every session needs; one object for all of them.
    final class Surroundings: Sendable {
        let hub: Hub
        let recovery: Recovery
        let access: ContextAccess
        let authenticator: Authenticator
        let attendance: Attendance
        let metrics: NotificationMetrics
        let logger: Logger
        let limits: SessionLimits
        let drain: DrainPlan
        let clock: WallClock
        let random: RandomSource

        init(
            hub: Hub,
            recovery: Recovery,
            access: ContextAccess,
            authenticator: Authenticator,
            attendance: Attendance,
            metrics: NotificationMetrics,
            logger: Logger,
            limits: SessionLimits,
            clock: WallClock = .system,
            random: RandomSource = .system
        ) {
            self.hub = hub
            self.recovery = recovery
            self.access = access
            self.authenticator = authenticator
            self.attendance = attendance
            self.metrics = metrics
            self.logger = logger
            self.limits = limits
            drain = DrainPlan(atLeast: limits.reconnectsPerSecond, within: limits.drainWindow)
            self.clock = clock
            self.random = random
        }
    }

    /// What an administrator sees of a session.
    struct Description: Sendable {
        let id: UInt64
        let address: String
        let principal: String?
        let contexts: [String]
        let queuedBytes: Int
        let openedAt: Timestamp
    }
}

extension Session.Description: JSONWritable {
    /// Writes the session as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("connection_id", "\(id)")
            $0.member("remote_address", address)
            $0.member("principal", principal)
            $0.member("contexts", contexts)
            $0.member("queued_bytes", queuedBytes)
            $0.member("opened_at", openedAt)
        }
    }
}
