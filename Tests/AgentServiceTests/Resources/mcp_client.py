"""Tries the MCP endpoint with the official Python client, in both of its modes.

    python3 mcp_client.py http://127.0.0.1:8080/mcp dev-token

The server needs MCP_CONFORMANCE_FIXTURES=true. Where PyPI's `mcp` 2 or later is missing, it says so and exits with 77.
"""

import asyncio
import json
import sys

try:
    import httpx2 as httpx
except ImportError:
    try:
        import httpx
    except ImportError as error:
        print(f"skipped: {error}")
        sys.exit(77)
try:
    from mcp.client.client import Client
    from mcp.client.streamable_http import streamable_http_client
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)


async def calls(client):
    state = await client.call_tool("test_slow_state", {})
    return state.structured_content


async def check(url, token, mode):
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            tools, cursor = [], None
            while True:
                page = await client.list_tools(cursor=cursor) if cursor else await client.list_tools()
                tools += [tool.name for tool in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    break
            assert "create_project" in tools and "test_slow" in tools, tools

            made = await client.call_tool("create_project", {"title": "Over the official client"})
            assert not made.is_error, made
            project = made.structured_content["project_id"]
            refused = await client.call_tool("create_project", {"title": 3})
            assert refused.is_error and "/title" in refused.content[0].text, refused

            resource = await client.read_resource(f"martlet://projects/{project}/memory")
            assert json.loads(resource.contents[0].text)["project"]["project_id"] == project, resource
            assert any(project in str(listed.uri) for listed in (await client.list_resources()).resources)
            templates = await client.list_resource_templates()
            assert len(templates.resource_templates) >= 5, templates
            prompt = await client.get_prompt("plan_activity", {"project_id": project, "goal": "a film"})
            assert "a film" in prompt.messages[0].content.text, prompt

            told = []

            async def progress(done, total, message):
                told.append(done)

            await client.call_tool("test_tool_with_progress", {}, progress_callback=progress)
            assert told == [0, 50, 100], told

            before = (await calls(client))["slow_cancelled"]
            begun = asyncio.Event()

            async def first(done, total, message):
                begun.set()

            slow = asyncio.create_task(client.call_tool("test_slow", {"seconds": 50}, progress_callback=first))
            await asyncio.wait_for(begun.wait(), 10)
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)
            # Until the time of all that is checked here is over.
            while (await calls(client))["slow_cancelled"] != before + 1:
                await asyncio.sleep(0.05)
            return f"{mode}: {client.protocol_version}, {len(tools)} tools"


async def main(url, token):
    for mode in ("auto", "legacy"):
        print(await asyncio.wait_for(check(url, token, mode), 60))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
