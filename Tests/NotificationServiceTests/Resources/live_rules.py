"""The rules of docs/clients.md that a good network never shows, on the Python client with a scripted service."""
import asyncio, json, os, sys, time, traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../clients/python"))
from martlet_live import Closed, Live

CARD = "0195e7a2-0000-7000-8000-000000000001"


async def until(what, holds):
    """Waits until something holds."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.002)
    raise AssertionError(f"never happened: {what}")


class Socket:
    """A service that says what the test says."""

    def __init__(self, url, protocol):
        self.url, self.protocol, self.sent, self.queue = url, protocol, [], asyncio.Queue()

    async def receive(self):
        item = await self.queue.get()
        if isinstance(item, Closed):
            raise item
        return item

    def send(self, text):
        self.sent.append(json.loads(text))

    def abort(self):
        self.queue.put_nowait(Closed())

    async def say(self, message):
        self.queue.put_nowait(json.dumps(message))
        for _ in range(5):
            await asyncio.sleep(0)

    def end(self, code, reason=""):
        self.queue.put_nowait(Closed(code, reason))

    def of(self, kind):
        return [message for message in self.sent if message["type"] == kind]


def job(job_id, seq, status="queued"):
    return {"job_id": job_id, "seq": seq, "status": status}


def update(job_id, seq, row, kind="job.status.updated", **more):
    place = {"event_id": f"{job_id}:{seq}", "position": f"e.{row}.1", "prev_position": "e.1.1", "type": kind}
    data = {**job(job_id, seq), **place, **more}
    return {"type": "job_update", "context_id": CARD, "cursor": f"e.{row}.1", "data": data}


def snapshot(jobs, row, last=True):
    message = {"type": "snapshot", "context_id": CARD, "reason": "new", "jobs": jobs, "last": last}
    return {**message, "cursor": f"e.{row}.1"} if last else message


def subscribed(recovered, cursor=None):
    message = {"type": "subscribed", "context_id": CARD, "recovered": recovered}
    return {**message, "cursor": cursor} if cursor else message


class Started:
    """A client that is connected and has a snapshot of the job `a` with number 1, at row 5."""

    def __init__(self, **times):
        self.sockets, self.jobs, self.removed, self.events, self.errors, self.states = [], [], [], [], [], []
        self.tokens = 0
        self.live = Live(
            "https://live.example.com/", self.token, draw=lambda: 0.5, connect=self.connect,
            times={"first_retry": 0.01, "longest_retry": 0.04, **times},
            on_job=lambda job, *_: self.jobs.append(job), on_remove=lambda job, _: self.removed.append(job),
            on_event=lambda data, _: self.events.append(data), on_state=self.states.append,
            on_error=lambda error, _: self.errors.append(error["code"]),
        )

    async def token(self):
        self.tokens += 1
        return f"secret-{self.tokens}"

    async def connect(self, url, protocol):
        self.sockets.append(Socket(url, protocol))
        return self.sockets[-1]

    async def next(self, count):
        await until(f"connection {count}", lambda: len(self.sockets) >= count and self.sockets[count - 1].of("hello"))
        await self.sockets[count - 1].say({"type": "authenticated", "connection": "1", "expires_at": None})
        return self.sockets[count - 1]

    async def __aenter__(self):
        self.live.watch(CARD)
        self.running = asyncio.ensure_future(self.live.run())
        self.socket = await self.next(1)
        await self.socket.say(subscribed(False))
        await self.socket.say(snapshot([job("a", 1)], 5))
        return self

    async def __aexit__(self, *_):
        self.live.close()
        await asyncio.wait_for(self.running, 5)


async def the_token_is_the_first_message_and_never_in_the_url():
    async with Started() as it:
        assert it.socket.url == "wss://live.example.com/ws", it.socket.url
        assert it.socket.sent[0] == {"type": "hello", "token": "secret-1"}
        assert it.socket.protocol == "martlet.v1+json"


async def it_comes_back_with_its_cursor():
    async with Started() as it:
        await it.socket.say(update("a", 2, 6))
        it.socket.end(1006)
        second = await it.next(2)
        assert second.of("subscribe")[0]["contexts"] == [{"context_id": CARD, "cursor": "e.6.1"}]
        assert second.of("hello")[0]["token"] == "secret-2"


async def half_a_snapshot_is_none():
    async with Started() as it:
        await it.socket.say(snapshot([job("b", 7)], 9, last=False))
        it.socket.end(1006)
        second = await it.next(2)
        assert second.of("subscribe")[0]["contexts"] == [{"context_id": CARD, "cursor": "e.5.1"}]
        assert list(it.live.jobs(CARD)) == ["a"]
        await second.say(subscribed(False))
        await second.say(snapshot([job("c", 3)], 12))
        assert list(it.live.jobs(CARD)) == ["c"]


async def a_snapshot_replaces_what_was_known_and_turns_nothing_back():
    async with Started() as it:
        await it.socket.say(update("a", 2, 6))
        await it.socket.say(update("b", 1, 7))
        await it.socket.say(snapshot([job("a", 1), job("c", 4)], 8))
        assert sorted((row["job_id"], row["seq"]) for row in it.live.jobs(CARD).values()) == [("a", 2), ("c", 4)]
        assert it.removed == ["b"]


async def what_is_old_changes_nothing_and_progress_belongs_to_its_status():
    async with Started() as it:
        for message in [update("a", 2, 6), update("a", 1, 5), update("a", 2, 6)]:
            await it.socket.say(message)
        await it.socket.say(update("a", 2, 7, "job.progress.updated", progress={"fraction": 0.5}))
        assert it.live.jobs(CARD)["a"]["seq"] == 2 and it.live.jobs(CARD)["a"]["progress"]["fraction"] == 0.5
        assert len(it.jobs) == 3


async def a_gap_is_healed_from_the_cursor_before_it_then_by_a_snapshot():
    async with Started() as it:
        await it.socket.say(update("a", 4, 9))
        await it.socket.say(update("b", 1, 10))
        assert it.socket.of("subscribe")[1]["contexts"] == [{"context_id": CARD, "cursor": "e.5.1"}]
        assert "b" not in it.live.jobs(CARD)
        await it.socket.say(subscribed(True, "e.5.1"))
        await it.socket.say(update("a", 4, 9))
        assert it.socket.of("subscribe")[2]["contexts"] == [{"context_id": CARD}]
        await it.socket.say(subscribed(False))
        await it.socket.say(snapshot([job("a", 4), job("b", 1)], 11))
        await it.socket.say(update("a", 5, 12))
        assert it.live.jobs(CARD)["a"]["seq"] == 5 and it.live.counts["gaps"] == 2


async def a_skip_is_no_gap_unless_it_begins_too_late():
    async with Started() as it:
        await it.socket.say({"type": "skip", "context_id": CARD, "job_id": "a", "from": 2, "to": 6, "reason": "conflated"})
        await it.socket.say(update("a", 7, 20, status="completed"))
        assert it.live.jobs(CARD)["a"]["status"] == "completed" and it.live.counts["gaps"] == 0
        await it.socket.say({"type": "skip", "context_id": CARD, "job_id": "a", "from": 10, "to": 12, "reason": "conflated"})
        assert it.live.counts["gaps"] == 1
        assert it.socket.of("subscribe")[1]["contexts"] == [{"context_id": CARD, "cursor": "e.20.1"}]


async def a_drain_is_followed_to_the_millisecond():
    async with Started() as it:
        await it.socket.say({"type": "drain", "reconnect_after_ms": 150, "deadline_ms": 5000, "cursors": {}})
        begin = time.monotonic()
        await it.socket.say(update("a", 2, 6))
        assert it.live.jobs(CARD)["a"]["seq"] == 2
        await asyncio.sleep(0.06)
        it.socket.end(4012, '{"action":"resume"}')
        await until("it is back", lambda: len(it.sockets) == 2)
        assert 0.145 <= time.monotonic() - begin < 0.205, time.monotonic() - begin


async def waits_grow_are_drawn_and_are_bounded():
    async with Started() as it:
        before = it.socket
        for expected in [0.005, 0.01, 0.02, 0.02]:
            begin, count = time.monotonic(), len(it.sockets)
            before.end(1006)
            await until("it tries again", lambda: len(it.sockets) == count + 1)
            assert time.monotonic() - begin >= expected - 0.002
            before = it.sockets[-1]


async def a_close_may_ask_for_a_longer_wait():
    async with Started() as it:
        it.socket.end(4029, '{"action":"slow_down","retry_ms":120}')
        begin = time.monotonic()
        await until("it is back", lambda: len(it.sockets) == 2)
        assert time.monotonic() - begin >= 0.115


async def a_token_is_renewed_in_the_connection():
    async with Started() as it:
        await it.socket.say({"type": "auth_expiring", "in_s": 60})
        await until("auth", lambda: it.socket.of("auth"))
        assert it.socket.of("auth")[0]["token"] == "secret-2"
        await it.socket.say({"type": "authenticated", "connection": "1", "expires_at": None})
        assert len(it.socket.of("subscribe")) == 1 and it.states == ["connecting", "open"]


async def it_gives_up_where_coming_back_is_no_use():
    for code in [4000, 4003, 4009]:
        async with Started() as it:
            it.socket.end(code)
            await asyncio.wait_for(it.running, 5)
            assert it.live.state == "closed" and len(it.sockets) == 1 and it.errors == [f"CLOSED_{code}"]
    async with Started() as it:
        it.socket.end(4001)
        await until("a second token", lambda: len(it.sockets) == 2 and it.sockets[1].of("hello"))
        it.sockets[1].end(4001)
        await asyncio.wait_for(it.running, 5)
        assert it.live.state == "closed" and len(it.sockets) == 2


async def a_silent_connection_is_asked_then_left():
    async with Started(first_retry=0.001, longest_retry=0.001, silence=0.04, patience=0.04) as it:
        await until("a ping", lambda: len(it.socket.of("ping")) == 1)
        await it.socket.say({"type": "pong", "t": 1, "server_time": ""})
        await until("another ping", lambda: len(it.socket.of("ping")) == 2)
        await it.next(2)


async def a_refused_context_is_dropped_and_what_is_unknown_is_nothing():
    async with Started() as it:
        await it.socket.say({"type": "of_a_later_version", "context_id": CARD})
        for _ in range(2):
            await it.socket.say({"type": "event", "context_id": CARD, "cursor": "e.6.1", "data": {"type": "card.updated"}})
        assert len(it.events) == 1
        await it.socket.say({"type": "error", "context_id": CARD, "code": "FORBIDDEN_CONTEXT", "message": "no",
                             "retryable": False, "action": "drop_subscription"})
        it.socket.end(1006)
        assert not (await it.next(2)).of("subscribe")


async def main():
    for name, rule in list(globals().items()):
        if inspect_rule(rule):
            try:
                await rule()
            except BaseException:
                print(name, traceback.format_exc())
                sys.exit(1)
    print("all rules are kept")


def inspect_rule(value):
    return asyncio.iscoroutinefunction(value) and value not in (until, main)


asyncio.run(main())
