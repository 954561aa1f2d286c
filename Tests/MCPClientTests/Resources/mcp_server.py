"""A server of MCP by the official Python SDK, for tests of clients.

    mcp_server.py http      says its port on a line of its own, and serves Streamable HTTP at /mcp, both eras
    mcp_server.py stdio     is spoken with on its standard input and output

Where PyPI's `mcp` 2 or later is missing, it says so and exits with 77.
"""

import asyncio
import socket
import sys

try:
    import uvicorn
    from mcp.server.mcpserver import Context, MCPServer
    from mcp_types import CallToolResult, ImageContent, TextContent, ToolAnnotations
    from pydantic import BaseModel
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

server = MCPServer("others", version="1", log_level="ERROR")
state = {"begun": 0, "called_off": 0}


class Sum(BaseModel):
    sum: float


@server.tool(annotations=ToolAnnotations(read_only_hint=True, idempotent_hint=True))
def add(a: float, b: float) -> Sum:
    "Adds two numbers."
    return Sum(sum=a + b)


@server.tool()
def pieces() -> CallToolResult:
    "Answers with a text and an image."
    return CallToolResult(
        content=[TextContent(type="text", text="ümlaut \U0001f600"), ImageContent(type="image", data="AA==", mime_type="image/png")]
    )


@server.tool()
def fail() -> str:
    "Fails."
    raise RuntimeError("as it must")


@server.tool()
async def steps(ctx: Context) -> str:
    "Tells how far it is."
    for step in (0, 50, 100):
        await ctx.report_progress(step, 100)
    return "done"


@server.tool()
async def slow(ctx: Context) -> str:
    "Takes a minute, and counts who does not wait."
    state["begun"] += 1
    try:
        for step in range(600):
            await ctx.report_progress(step, 600)
            await asyncio.sleep(0.1)
    except BaseException:
        state["called_off"] += 1
        raise
    return "slept"


@server.tool()
def counts() -> dict[str, int]:
    "How slow was used."
    return dict(state)


@server.tool()
def large(bytes: int) -> str:
    "Answers with so many bytes."
    return "x" * bytes


@server.tool()
async def grow(ctx: Context) -> str:
    "Adds a tool."

    def grown() -> str:
        "Was not there before."
        return "grown"

    server.add_tool(grown)
    await ctx.notify_tools_changed()  # to those who listen
    await ctx.session.send_tool_list_changed()  # to those of the older era
    return "ok"


@server.tool()
def quit() -> str:
    "Ends the server at once."
    import os

    os._exit(3)


def main(way):
    if way == "stdio":
        print("the server complains a little", file=sys.stderr, flush=True)
        server.run(transport="stdio")
        return
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(server.streamable_http_app(), log_level="error", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
