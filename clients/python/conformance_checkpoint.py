"""Tries `martlet_checkpoint` with LangGraph's own conformance tests, and with what they leave out.

    python3 conformance_checkpoint.py http://127.0.0.1:8080 dev-token

Needs `langgraph` and `langgraph-checkpoint-conformance`. Where they are missing it says so and exits with status 77.
"""

import asyncio
import operator
import sys
import threading
import uuid
from typing import Annotated, TypedDict

try:
    from langgraph.checkpoint.base import empty_checkpoint
    from langgraph.checkpoint.conformance import checkpointer_test, validate
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Command, interrupt
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

from martlet_checkpoint import LeaseLost, MartletSaver, Refused


def place(thread, checkpoint=None):
    more = {"checkpoint_id": checkpoint} if checkpoint else {}
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **more}}


def put(saver, config, values, versions, new=None, step=0):
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"], checkpoint["channel_versions"] = values, versions
    return saver.put(config, checkpoint, {"source": "loop", "step": step, "parents": {}}, new if new is not None else versions)


def check_values(saver):
    """Every value comes back as it was, of the same type."""
    values = {
        "plain": [1, -0.5, 1e300, 2**62, "é\u0000\U0001f600", None, True, {"a": [{}]}],
        "typed": [{3: 4}, b"\xff", {1, 2}, 2**63, uuid.UUID(int=7), {"__type__": "msgpack", "data": ""}],
        "infinite": float("inf"),
        "bytes": b"x" * 5_000,
        "text": "t" * 5_000,
        "mixed": {"a": {1}},
    }
    for thread in (str(uuid.uuid4()), f"a key / with ? {uuid.uuid4()}"):
        put(saver, place(thread), values, {name: 1 for name in values})
        found = saver.get_tuple(place(thread)).checkpoint["channel_values"]
        assert found == values, [name for name in values if found.get(name) != values[name]]
        assert [type(element) for element in found["typed"]] == [type(element) for element in values["typed"]]


def check_unchanged(saver):
    """Only what is new is sent, and all of it when the parent is gone."""
    thread = str(uuid.uuid4())
    first = put(saver, place(thread), {"a": ["x" * 100], "b": 1}, {"a": 1, "b": 1})
    second = put(saver, first, {"a": ["x" * 100], "b": 2}, {"a": 1, "b": 2}, {"b": 2})
    assert saver.get_tuple(second).checkpoint["channel_values"] == {"a": ["x" * 100], "b": 2}
    lost = place(thread, str(uuid.uuid4()))
    third = put(saver, lost, {"a": ["x" * 100], "b": 3}, {"a": 1, "b": 3}, {"b": 3})
    assert saver.get_tuple(third).checkpoint["channel_values"] == {"a": ["x" * 100], "b": 3}
    saver.delete_thread(thread)
    put(saver, place(thread), {"a": 1}, {"a": 1})
    assert len(list(saver.list(place(thread)))) == 1


def check_listing(saver):
    """Pages are followed, and limits kept."""
    thread = f"many {uuid.uuid4()}"
    configs = [put(saver, place(thread), {"n": n}, {"n": 1}, step=n) for n in range(60)]
    steps = [found.metadata["step"] for found in saver.list(place(thread))]
    assert steps == list(range(59, -1, -1)), steps
    assert len(list(saver.list(place(thread), limit=55))) == 55
    assert [found.metadata["step"] for found in saver.list(place(thread), before=configs[2])] == [1, 0]
    assert [found.metadata["step"] for found in saver.list(configs[7])] == [7]
    assert len(list(saver.list(None, filter={"step": 59}, limit=1))) == 1


def check_lease(saver, other):
    """One drives a thread, the others are kept out; a holder whose lease is over is told so."""
    thread = str(uuid.uuid4())
    with saver.lease(thread, lease_ms=1_000) as fence:
        put(saver, place(thread), {"a": 1}, {"a": 1})
        for refused in (lambda: put(other, place(thread), {"a": 2}, {"a": 1}), lambda: other.lease(thread).__enter__()):
            try:
                refused()
                raise AssertionError("the lease keeps nobody out")
            except Refused as error:
                assert error.code == "CONFLICT", error
    with other.lease(thread) as next_fence:
        assert next_fence > fence
        saver._fences[thread] = fence
        try:
            put(saver, place(thread), {"a": 3}, {"a": 1})
            raise AssertionError("a stale fence changes a thread")
        except LeaseLost:
            saver._fences.clear()


class State(TypedDict):
    log: Annotated[list, operator.add]


def check_graph(saver):
    """A graph that is interrupted is gone on with by another process's saver, and forked from its past."""

    def ask(state):
        return {"log": [f"asked {interrupt('how many?')}"]}

    builder = StateGraph(State)
    builder.add_node("begin", lambda state: {"log": ["begun"]})
    builder.add_node("ask", ask)
    builder.add_edge(START, "begin")
    builder.add_edge("begin", "ask")
    builder.add_edge("ask", END)
    thread = {"configurable": {"thread_id": f"graph {uuid.uuid4()}"}}
    paused = builder.compile(checkpointer=saver(1)).invoke({"log": ["in"]}, thread)
    assert "__interrupt__" in paused, paused
    graph = builder.compile(checkpointer=saver(2))
    assert graph.invoke(Command(resume=3), thread)["log"] == ["in", "begun", "asked 3"]
    history = list(graph.get_state_history(thread))
    assert [len(state.values.get("log", [])) for state in history] == [3, 2, 1, 0], history
    fork = graph.update_state(history[1].config, {"log": ["forked"]}, as_node="begin")
    assert graph.get_state(fork).values["log"] == ["in", "begun", "forked"]
    assert graph.invoke(Command(resume=4), fork)["log"] == ["in", "begun", "forked", "asked 4"]


def check_threads(saver):
    """One saver serves many threads at once."""
    failures = []

    def write():
        try:
            config = place(str(uuid.uuid4()))
            for step in range(10):
                config = put(saver, config, {"a": [step]}, {"a": step})
                saver.put_writes(config, [("a", step)], str(uuid.uuid4()))
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures, failures


def main(url, token):
    def saver(_=0):
        return MartletSaver(url, token)

    @checkpointer_test(name="MartletSaver")
    async def martlet():
        yield saver()

    report = asyncio.run(validate(martlet))
    failed = 0
    for name, result in report.results.items():
        print(f"{name}: {result.tests_passed} passed, {result.tests_failed} failed")
        failed += result.tests_failed + (not result.detected)
        for failure in result.failures or []:
            print(f"  {failure}")
    own = [
        (check_values, (saver(),)), (check_unchanged, (saver(),)), (check_listing, (saver(),)),
        (check_lease, (saver(), saver())), (check_graph, (saver,)), (check_threads, (saver(),)),
    ]
    for check, arguments in own:
        try:
            check(*arguments)
            print(f"{check.__name__}: passed")
        except Exception as error:
            failed += 1
            print(f"{check.__name__}: {type(error).__name__} {error}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
