package import JSON

/// The tools of a server, page by page, within bounds.
package struct ToolList: Sendable {
    package static let maximumTools = 1_000
    /// Of descriptions and schemas.
    static let maximumBytes = 1 << 20
    static let maximumPages = 100

    /// What can be used, in the server's order.
    package private(set) var tools: [RemoteTool] = []
    /// What cannot, and why.
    private(set) var unusable: [(name: String, reason: String)] = []
    private var names: Set<String> = []
    private var bytes = 0
    private var pages = 0
    private var entries = 0

    /// Nothing yet.
    package init() {}

    /// Takes a page. Returns the cursor of the next.
    package mutating func take(_ result: JSONElement) throws(RemoteError) -> String? {
        pages += 1
        guard let page = result["tools"], page.kind == .array else { throw .violation("a list of tools without tools") }
        for element in page.elements {
            entries += 1
            guard entries <= ToolList.maximumTools else { throw .tooLarge("more than \(ToolList.maximumTools) tools") }
            bytes += element.raw.bytes.count
            guard bytes <= ToolList.maximumBytes else {
                throw .tooLarge("more than \(ToolList.maximumBytes) bytes of tools")
            }
            let name = RemoteTool.cut(element["name"]?.string ?? "", 100)
            do throws(RemoteTool.Unusable) {
                let tool = try RemoteTool(element)
                guard names.insert(tool.name).inserted else { throw RemoteTool.Unusable(reason: "its name is taken") }
                tools.append(tool)
            } catch {
                unusable.append((name, error.reason))
            }
        }
        guard let cursor = result.value("nextCursor") else { return nil }
        guard let text = cursor.string, text.utf8.count <= 10_000 else { throw .violation("a cursor that is none") }
        guard pages < ToolList.maximumPages else {
            throw .tooLarge("more than \(ToolList.maximumPages) pages of tools")
        }
        return text
    }
}
