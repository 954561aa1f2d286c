"""Live updates of a Martlet notification service. Needs nothing but Python 3.9 or later.

    import asyncio
    from martlet_live import Live

    async def main():
        live = Live("https://live.example.com", fetch_token, on_job=lambda job, context, message: print(job["status"]))
        live.watch("project:0195e7a2-…")
        await live.run()

    asyncio.run(main())

What each watched context holds is in `live.jobs(context)`, and stays equal to the database through any number of
disconnects. It behaves as docs/clients.md says, like its sister in JavaScript.
"""

import asyncio
import base64
import hashlib
import inspect
import json
import os
import random
import ssl
import time
import urllib.parse

__all__ = ["Closed", "Live", "connect"]

# How a client waits, in seconds.
TIMES = {
    "first_retry": 0.5,  # bound of the first wait; each next is twice as long
    "longest_retry": 30.0,
    "steady": 10.0,  # after so long a connection counts as good, and waits begin anew
    "silence": 30.0,  # without a word for so long we ask whether anybody is there
    "patience": 10.0,  # and wait so long for the answer, or for the handshake
}

# Closes after which coming back with the same would be no use.
FINAL = {4000: "bad_request", 4003: "forbidden", 4009: "too_many"}

PER_MESSAGE = 60  # contexts in one message: it must stay below 16 KiB


class Closed(Exception):
    """The connection is gone: by a close of the service with its code, or 1006 by the network."""

    def __init__(self, code=1006, reason=""):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class _Context:
    def __init__(self, saved):
        self.cursor = saved.get("cursor")
        self.jobs = {job["job_id"]: job for job in saved.get("jobs", [])}
        self.pages = None  # of a snapshot that has begun
        self.gap = None  # the job of which something was missing
        self.is_deaf = False  # until what was missing is answered: what comes meanwhile comes again


class Live:
    """Follows contexts. All methods are for the loop's thread.

    Events: `on_job(job, context, message)` for a job that changed, `on_remove(job_id, context)` for one that is not in
    the context any more, `on_event(data, context)` for everything that is no job's, `on_state(state)` with connecting,
    open, waiting, closed, and `on_error(error, context)` with what was refused.
    """

    def __init__(self, url, token, *, on_job=None, on_remove=None, on_event=None, on_state=None, on_error=None,
                 times=None, draw=random.random, connect=None):
        self._url = "ws" + url.removeprefix("http").rstrip("/") + "/ws" if url.startswith("http") else url
        self._token = token if callable(token) else lambda: token
        self._on = {"job": on_job, "remove": on_remove, "event": on_event, "state": on_state, "error": on_error}
        self._times, self._draw, self._connect = {**TIMES, **(times or {})}, draw, connect or globals()["connect"]
        self._contexts = {}
        self._socket = None
        self._failures = self._refusals = self._numbers = 0
        self._reconnect_at = None
        self._closing = asyncio.Event()
        self._tasks = set()
        self.state = "closed"
        # What happened so far, for tests and dashboards.
        self.counts = {"connects": 0, "resumed": 0, "snapshots": 0, "refreshes": 0, "gaps": 0, "skips": 0}

    def watch(self, context, saved=None):
        """Watches a context. `saved` is what `save()` gave for it earlier, in this process or in another."""
        if context not in self._contexts:
            self._contexts[context] = _Context(saved or {})
            if self.state == "open":
                self._subscribe([context])

    def unwatch(self, context):
        """Watches a context no more, and forgets it."""
        if self._contexts.pop(context, None) and self.state == "open":
            self._send({"type": "unsubscribe", "id": self._next(), "contexts": [context]})

    def jobs(self, context):
        """The jobs of a context by id, as far as they are known."""
        return self._contexts[context].jobs if context in self._contexts else {}

    def save(self, context):
        """What `watch` goes on from later."""
        held = self._contexts[context]
        return {"cursor": held.cursor, "jobs": list(held.jobs.values())}

    def close(self):
        """Ends `run`."""
        self._closing.set()
        if self._socket:
            self._socket.abort()

    def interrupt(self):
        """Cuts the connection as a broken network would; it comes back by itself."""
        if self._socket:
            self._socket.abort()

    async def run(self):
        """Follows until `close`, or until the service says that it is no use."""
        try:
            while not self._closing.is_set():
                closed = await self._once()
                self._drop()
                if self._closing.is_set() or self._is_final(closed):
                    return
                self._enter("waiting")
                try:
                    await asyncio.wait_for(self._closing.wait(), self._wait(closed))
                except asyncio.TimeoutError:
                    pass
        finally:
            self._drop()
            self._enter("closed")

    # Connection

    async def _once(self):
        """One connection, from its handshake to its end; returns why it ended."""
        self._enter("connecting")
        opened = time.monotonic()
        try:
            try:
                token = await self._fresh_token()
                # The token goes into the first message: an URL would leave it in logs.
                self._socket = await asyncio.wait_for(self._connect(self._url, "martlet.v1+json"), self._times["patience"])
            except Closed:
                raise
            except Exception as error:
                return Closed(1006, str(error))
            self._send({"type": "hello", "token": token})
            await self._listen(opened)
        except Closed as closed:
            return closed
        return Closed()

    async def _listen(self, opened):
        limit, is_asked = self._times["patience"], True
        coming = asyncio.ensure_future(self._socket.receive())
        try:
            while True:
                # The wait ends, not what is being received: half a frame would be lost with it.
                if not (await asyncio.wait({coming}, timeout=limit))[0]:
                    if is_asked:
                        raise Closed(1006, "silent")
                    self._send({"type": "ping", "t": int(time.time() * 1000)})
                    limit, is_asked = self._times["patience"], True
                    continue
                text = coming.result()
                coming = asyncio.ensure_future(self._socket.receive())
                limit, is_asked = self._times["silence"], False
                self._received(json.loads(text))
                if self.state == "open" and time.monotonic() - opened >= self._times["steady"]:
                    self._failures = 0
        finally:
            coming.cancel()

    def _drop(self):
        socket, self._socket = self._socket, None
        if socket:
            socket.abort()
        for task in self._tasks:
            task.cancel()
        for held in self._contexts.values():
            held.pages, held.is_deaf = None, False  # half a snapshot has no cursor: it comes again

    def _is_final(self, closed):
        reason = FINAL.get(closed.code)
        if closed.code == 4001:
            self._refusals += 1
            reason = "unauthenticated" if self._refusals > 1 else None
        if reason:
            self._tell("error", {"code": f"CLOSED_{closed.code}", "message": reason, "retryable": False}, None)
        return reason is not None

    def _wait(self, closed):
        if self._reconnect_at is not None:  # the service has chosen it, another one for each client
            at, self._reconnect_at = self._reconnect_at, None
            return max(0, at - time.monotonic())
        bound = min(self._times["longest_retry"], self._times["first_retry"] * 2 ** min(self._failures, 32))
        self._failures += 1
        return max(self._draw() * bound, _retry_after(closed.reason))

    def _enter(self, state):
        if self.state != state:
            self.state = state
            self._tell("state", state)

    def _tell(self, event, *arguments):
        if self._on[event]:
            self._on[event](*arguments)

    async def _fresh_token(self):
        token = self._token()
        return await token if inspect.isawaitable(token) else token

    def _send(self, message):
        if self._socket:
            self._socket.send(json.dumps(message, separators=(",", ":")))

    def _next(self):
        self._numbers += 1
        return str(self._numbers)

    def _later(self, work):
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Messages

    def _received(self, message):
        kind, context = message["type"], message.get("context_id")
        held = self._contexts.get(context)
        if kind == "authenticated":
            self._authenticated()
        elif kind == "auth_expiring":
            self._later(self._refresh())
        elif kind == "drain":
            self._reconnect_at = time.monotonic() + message["reconnect_after_ms"] / 1000
        elif kind == "error":
            self._refused(message, held)
        elif held is None:
            pass
        elif kind == "subscribed":
            self.counts["resumed"] += 1 if message["recovered"] else 0
            held.is_deaf = False
            # A cursor here is where the updates go on; without one the snapshot has it.
            held.cursor = message.get("cursor") or held.cursor
        elif kind == "snapshot":
            self._snapshot(held, message)
        elif held.is_deaf:
            pass
        elif kind == "job_update":
            self._update(held, message)
        elif kind == "skip":
            self._skip(held, message)
        elif kind == "event" and _is_after(message["cursor"], held.cursor):
            held.cursor = message["cursor"]
            self._tell("event", message["data"], context)
        # Anything else is a type of a later version.

    def _authenticated(self):
        self._refusals = 0
        if self.state != "open":  # else it is the answer to a refresh
            self.counts["connects"] += 1
            self._enter("open")
            self._subscribe(list(self._contexts))

    def _subscribe(self, contexts):
        for start in range(0, len(contexts), PER_MESSAGE):
            wishes = []
            for context in contexts[start:start + PER_MESSAGE]:
                cursor = self._contexts[context].cursor
                wishes.append({"context_id": context, **({"cursor": cursor} if cursor else {})})
            self._send({"type": "subscribe", "id": self._next(), "contexts": wishes})

    async def _refresh(self):
        socket = self._socket
        try:
            token = await self._fresh_token()
        except Exception as error:
            # The connection ends with the old token, and the next one asks again.
            return self._tell("error", {"code": "NO_TOKEN", "message": str(error), "retryable": True}, None)
        if socket is self._socket:
            self.counts["refreshes"] += 1
            self._send({"type": "auth", "id": self._next(), "token": token})

    def _refused(self, error, held):
        context = error.get("context_id")
        if error["action"] == "drop_subscription":
            self._contexts.pop(context, None)
        elif held and error["retryable"] and error["action"] == "resubscribe":
            self._later(self._resubscribe(context))
        self._tell("error", error, context)

    async def _resubscribe(self, context):
        await asyncio.sleep(self._times["first_retry"] * (1 + self._draw()))
        if context in self._contexts:
            self._subscribe([context])

    # Jobs

    def _snapshot(self, held, message):
        held.pages = held.pages if held.pages is not None else {}
        held.pages.update((job["job_id"], job) for job in message["jobs"])
        if not message["last"]:
            return
        self.counts["snapshots"] += 1
        before, fresh, context = held.jobs, held.pages, message["context_id"]
        held.pages = held.gap = None
        held.jobs, held.cursor = fresh, message["cursor"]
        for job_id, job in before.items():
            if job_id in fresh:
                if fresh[job_id]["seq"] < job["seq"]:  # another node has told us more than this one knows
                    fresh[job_id] = job
            elif message.get("truncated"):
                fresh[job_id] = job
            else:
                self._tell("remove", job_id, context)
        for job_id, job in list(fresh.items()):
            old = before.get(job_id)
            if old is None or (old["seq"], old["status"]) != (job["seq"], job["status"]):
                self._tell("job", job, context, message)

    def _update(self, held, message):
        event, context = message["data"], message["context_id"]
        known = held.jobs.get(event["job_id"])
        # A status is the next one; progress belongs to the status that is known.
        expected = known and known["seq"] + (0 if event["type"] == "job.progress.updated" else 1)
        if known and event["seq"] > expected:
            return self._heal(held, event["job_id"], context)
        if known is None or event["seq"] == expected:
            facts = {name: value for name, value in event.items()
                     if name not in ("event_id", "type", "position", "prev_position")}
            job = held.jobs[event["job_id"]] = {**(known or {}), **facts}
            held.gap = None if held.gap == event["job_id"] else held.gap
            held.cursor = message["cursor"]
            return self._tell("job", job, context, message)
        held.cursor = message["cursor"]  # a repetition

    def _skip(self, held, message):
        job_id = message["job_id"]
        known = held.jobs.get(job_id)
        if known and message["from"] > known["seq"] + 1:
            return self._heal(held, job_id, message["context_id"])
        self.counts["skips"] += 1
        if known and known["seq"] < message["to"]:  # the update that follows tells how the job stands
            held.jobs[job_id] = {**known, "seq": message["to"]}

    def _heal(self, held, job_id, context):
        """Something is missing that nobody announced: asks for it, and for everything when that did not help."""
        self.counts["gaps"] += 1
        if held.gap is not None:
            held.cursor = None
        held.gap, held.is_deaf = job_id, True
        self._subscribe([context])


def _is_after(cursor, last):
    """Whether a cursor is after another: of another history, or further in this one."""
    if not last:
        return True
    new, old = cursor.split("."), last.split(".")
    return new[0] != old[0] or (int(new[1]), int(new[2])) > (int(old[1]), int(old[2]))


def _retry_after(reason):
    """What the reason of a close asks us to wait."""
    try:
        return json.loads(reason).get("retry_ms", 0) / 1000
    except (ValueError, AttributeError, TypeError):
        return 0


async def connect(url, protocol):
    """Opens a WebSocket (RFC 6455), as much of one as is needed here."""
    parts = urllib.parse.urlsplit(url)
    is_secure = parts.scheme == "wss"
    port = parts.port or (443 if is_secure else 80)
    reader, writer = await asyncio.open_connection(
        parts.hostname, port, ssl=ssl.create_default_context() if is_secure else None
    )
    try:
        key = base64.b64encode(os.urandom(16)).decode()
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{port}"
        writer.write((
            f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
        ).encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1((key + guid).encode()).digest()).decode()
        if " 101 " not in head[0] or fields.get("sec-websocket-accept") != accept:
            raise Closed(1006, head[0])
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        writer.transport.abort()
        raise Closed(1006, str(error)) from None
    except BaseException:
        writer.transport.abort()
        raise
    return _Socket(reader, writer)


class _Socket:
    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self._parts = []

    async def receive(self):
        """The next text message; `Closed` when there will be none."""
        try:
            while True:
                start = await self._reader.readexactly(2)
                length = start[1] & 0x7F
                if length >= 126:
                    length = int.from_bytes(await self._reader.readexactly(2 if length == 126 else 8), "big")
                payload = await self._reader.readexactly(length)
                kind = start[0] & 0x0F
                if kind == 8:
                    self._frame(8, payload[:2])
                    code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
                    raise Closed(code, payload[2:].decode("utf-8", "replace"))
                if kind == 9:
                    self._frame(10, payload)
                elif kind <= 2:
                    self._parts.append(payload)
                    if start[0] & 0x80:
                        text, self._parts = b"".join(self._parts), []
                        return text
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Closed(1006, str(error)) from None

    def send(self, text):
        self._frame(1, text.encode())

    def _frame(self, kind, payload):
        length, mask = len(payload), os.urandom(4)
        if length < 126:
            head = bytes([0x80 | kind, 0x80 | length])
        elif length < 1 << 16:
            head = bytes([0x80 | kind, 0x80 | 126]) + length.to_bytes(2, "big")
        else:
            head = bytes([0x80 | kind, 0x80 | 127]) + length.to_bytes(8, "big")
        pad = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        self._writer.write(head + mask + (int.from_bytes(payload, "big") ^ pad).to_bytes(length, "big"))

    def abort(self):
        self._writer.transport.abort()
