"""Reads the scripted provider's good streams with the clients that OpenAI, Anthropic and Ollama publish.

    official_clients.py URL EXPECTED

EXPECTED is JSON: {"text", "reasoning", "calls": [{"id", "name", "arguments": {…}}]}. Ends with 77 where a package is missing.
"""
import json
import sys

try:
    import anthropic
    import ollama
    import openai
except ImportError as error:
    print(f"{error.name} is not installed")
    sys.exit(77)

url, expected = sys.argv[1], json.loads(sys.argv[2])
calls = [(call["id"], call["name"], call["arguments"]) for call in expected["calls"]]
question = [{"role": "user", "content": "Look it up."}]
parameters = {"type": "object"}


def check(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r} is not {wanted!r}")


def chat(client):
    with client.chat.completions.stream(
        model="m", messages=question, stream_options={"include_usage": True}
    ) as stream:
        answer = stream.get_final_completion()
    choice = answer.choices[0]
    check("chat text", choice.message.content, expected["text"])
    found = [(c.id, c.function.name, json.loads(c.function.arguments)) for c in choice.message.tool_calls]
    check("chat calls", found, calls)
    check("chat finish", choice.finish_reason, "tool_calls")
    check("chat usage", (answer.usage.prompt_tokens, answer.usage.completion_tokens), (20, 10))
    check("chat cached", answer.usage.prompt_tokens_details.cached_tokens, 8)
    check("chat reasoning", answer.usage.completion_tokens_details.reasoning_tokens, 4)


def responses(client):
    with client.responses.stream(model="m", input="Look it up.") as stream:
        answer = stream.get_final_response()
    check("responses text", answer.output_text, expected["text"])
    found = [(i.call_id, i.name, json.loads(i.arguments)) for i in answer.output if i.type == "function_call"]
    check("responses calls", found, calls)
    reasoning = [i for i in answer.output if i.type == "reasoning"]
    check("responses reasoning", [i.summary[0].text for i in reasoning], [expected["reasoning"]])
    check("responses encrypted", [bool(i.encrypted_content) for i in reasoning], [True])
    check("responses status", answer.status, "completed")
    check("responses usage", (answer.usage.input_tokens, answer.usage.output_tokens), (20, 10))
    check("responses cached", answer.usage.input_tokens_details.cached_tokens, 8)


def messages(client):
    tools = [{"name": name, "input_schema": parameters} for _, name, _ in calls]
    with client.messages.stream(model="m", max_tokens=99, messages=question, tools=tools) as stream:
        answer = stream.get_final_message()
    check("messages text", "".join(b.text for b in answer.content if b.type == "text"), expected["text"])
    check("messages calls", [(b.id, b.name, b.input) for b in answer.content if b.type == "tool_use"], calls)
    thoughts = [(b.thinking, bool(b.signature)) for b in answer.content if b.type == "thinking"]
    check("messages thoughts", thoughts, [(expected["reasoning"], True)])
    check("messages finish", answer.stop_reason, "tool_use")
    usage = answer.usage
    check("messages usage", (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens), (12, 8, 10))


def local(client):
    text, thought, found, last = "", "", [], None
    for last in client.chat(model="m", messages=question, stream=True):
        text += last.message.content or ""
        thought += last.message.thinking or ""
        found += [(c.function.name, dict(c.function.arguments)) for c in last.message.tool_calls or []]
    check("ollama text", text, expected["text"])
    check("ollama thoughts", thought, expected["reasoning"])
    check("ollama calls", found, [(name, arguments) for _, name, arguments in calls])
    check("ollama end", (last.done, last.done_reason), (True, "stop"))
    check("ollama usage", (last.prompt_eval_count, last.eval_count), (20, 10))


official = openai.OpenAI(base_url=url + "/v1", api_key="k", max_retries=0, timeout=20)
chat(official)
responses(official)
messages(anthropic.Anthropic(base_url=url, api_key="k", max_retries=0, timeout=20))
local(ollama.Client(host=url, timeout=20))
print(f"openai {openai.__version__}, anthropic {anthropic.__version__}: all understood")
