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
    from mcp_types import ElicitResult, ListRootsResult, ResourceUpdatedNotification
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)


async def calls(client):
    state = await client.call_tool("test_slow_state", {})
    return state.structured_content


async def check(url, token, mode):
    headers = {"Authorization": f"Bearer {token}"}
    asked, said, changed = [], [], asyncio.Event()

    async def elicit(context, params):
        asked.append(params.message)
        content = {"name": "Ada"} if "name" in params.message else {"color": "blue"}
        return ElicitResult(action="accept", content=content)

    async def roots(context):
        return ListRootsResult(roots=[])

    async def log(params):
        said.append(params.level)

    async def message(notification):
        if isinstance(notification, ResourceUpdatedNotification):
            changed.set()

    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        async with Client(
            streamable_http_client(url, http_client=http),
            mode=mode,
            elicitation_callback=elicit,
            list_roots_callback=roots,
            logging_callback=log,
            log_level="info",
            message_handler=message,
        ) as client:
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

            likes = await client.call_tool("test_input_required_result_multi_round", {})
            assert likes.content[0].text == "Ada likes blue" and len(asked) == 2, (likes, asked)
            listed = await client.call_tool("test_input_required_result_list_roots", {})
            assert "roots" in listed.content[0].text and not listed.is_error, listed

            await client.call_tool("test_tool_with_logging", {})
            assert said == ["info", "info", "info"], said

            # Before 2026-07-28 the connection is let go in the middle, and the client comes back for the answer.
            back = await client.call_tool("test_reconnection", {})
            assert back.content[0].text == "reconnected", back

            if mode == "legacy":
                await client.subscribe_resource(f"martlet://projects/{project}/memory")
                await client.call_tool("create_activity", {"id": project, "title": "A", "task_type": "image"})
                await asyncio.wait_for(changed.wait(), 10)

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
