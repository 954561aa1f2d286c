/// What a token may do.
public enum Scope: String, Sendable, CaseIterable, Hashable {
    case jobsSubmit = "jobs:submit"
    case jobsRead = "jobs:read"
    case jobsManage = "jobs:manage"
    case work
    case projectsRead = "projects:read"
    case projectsWrite = "projects:write"
    case eventsRead = "events:read"
    case mcp
    case admin
}
