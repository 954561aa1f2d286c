"""LangGraph threads in Martlet: a checkpointer over HTTP.

    from martlet_checkpoint import MartletSaver

    saver = MartletSaver("http://127.0.0.1:8080", token="…")
    graph = builder.compile(checkpointer=saver)
    graph.invoke(inputs, {"configurable": {"thread_id": "talk-1"}})

Needs `langgraph-checkpoint` and nothing else. A thread_id that is a UUID is the thread's id in Martlet; any other is its
key, within `project_id` or within none. All calls are idempotent and are repeated when the network or the service fails.
While `with saver.lease("talk-1"):` lasts, nobody else changes the thread; whoever loses the lease gets `LeaseLost`.
"""

import asyncio
import base64
import contextlib
import http.client
import json
import math
import queue
import random
import threading
import time
import urllib.parse
import uuid

from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    CheckpointTuple,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

KNOWN_THREADS = 10_000  # at most so many are remembered
TYPE = "__type__"


class Refused(Exception):
    """Martlet does not take a request; `code` says why."""

    def __init__(self, status, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.status, self.code, self.details = status, error.get("code"), error.get("details") or {}


class LeaseLost(Refused):
    """Somebody else may drive the thread: what we do of it does not count any more."""


class MartletSaver(BaseCheckpointSaver):
    """Stores checkpoints in Martlet's agent service. One may be used by many threads and tasks."""

    def __init__(self, url, token=None, *, project_id=None, serde=None, timeout=30, connections=16, attempts=5):
        super().__init__(serde=serde)
        self.project_id, self._attempts = project_id, attempts
        self._http = _Connections(url, token, timeout, connections)
        # What another serializer makes is not ours to look into: it may encrypt.
        self._plain = type(self.serde) is JsonPlusSerializer
        self._known, self._fences, self._lock = {}, {}, threading.Lock()

    # ---- reading

    def get_tuple(self, config):
        thread, namespace = self._place(config)
        path = self._find(thread)
        if path is None:
            return None
        which = get_checkpoint_id(config) or "latest"
        answer = self._call("GET", f"{path}/checkpoints/{_quoted(which)}?ns={_quoted(namespace)}", missing=None)
        return answer and self._tuple(thread, answer)

    def list(self, config, *, filter=None, before=None, limit=None):
        if config is None or "thread_id" not in config["configurable"]:
            yield from self._list_all(filter, before, limit)
            return
        thread, configurable = str(config["configurable"]["thread_id"]), config["configurable"]
        path = self._find(thread)
        if path is None:
            return
        query = {}
        if "checkpoint_ns" in configurable:
            query["ns"] = configurable["checkpoint_ns"]
        if filter:
            query["filter"] = _dumps(filter)
        if before is not None and get_checkpoint_id(before):
            query["before"] = get_checkpoint_id(before)
        wanted = get_checkpoint_id(config)
        for item in self._items(f"{path}/checkpoints", query, None if wanted else limit):
            if not wanted or item["checkpoint_id"] == wanted:
                yield self._tuple(thread, item)
                if wanted:
                    return

    def _list_all(self, filter, before, limit):
        count = 0
        for item in self._items("/api/threads", {"project_id": self.project_id} if self.project_id else {}, None):
            thread = item["key"] or item["thread_id"]
            for found in self.list({"configurable": {"thread_id": thread}}, filter=filter, before=before):
                if limit is not None and count >= limit:
                    return
                count += 1
                yield found

    def _items(self, path, query, limit):
        left, cursor = limit, None
        while left is None or left > 0:
            page = dict(query, limit=min(50, left or 50))
            if cursor:
                page["cursor"] = cursor
            answer = self._call("GET", f"{path}?{urllib.parse.urlencode(page)}", missing=None)
            if answer is None:
                return
            yield from answer["items"]
            left = left and left - len(answer["items"])
            cursor = answer["next_cursor"]
            if cursor is None:
                return

    def _tuple(self, thread, item):
        def config(checkpoint):
            place = {"thread_id": thread, "checkpoint_ns": item["checkpoint_ns"], "checkpoint_id": checkpoint}
            return {"configurable": place}

        values = item["checkpoint"].get("channel_values", {})
        return CheckpointTuple(
            config(item["checkpoint_id"]),
            {
                **item["checkpoint"],
                "id": item["checkpoint_id"],
                "channel_versions": item["channel_versions"],
                "channel_values": {name: self._load(value) for name, value in values.items()},
            },
            item["metadata"],
            config(item["parent_checkpoint_id"]) if item["parent_checkpoint_id"] else None,
            [(write["task_id"], write["channel"], self._load(write["value"])) for write in item["writes"]],
        )

    # ---- writing

    def put(self, config, checkpoint, metadata, new_versions):
        thread, namespace = self._place(config)
        parent, values = get_checkpoint_id(config), checkpoint["channel_values"]
        # The parent has what has not changed. Should it not, it is told, and we send all.
        kept = [name for name in values if parent and name not in new_versions and name in checkpoint["channel_versions"]]
        said = {name: value for name, value in checkpoint.items() if name not in ("id", "channel_values", "channel_versions")}
        body = {
            "checkpoint_ns": namespace,
            "checkpoint_id": checkpoint["id"],
            "parent_checkpoint_id": parent,
            "checkpoint": said,
            "channel_versions": checkpoint["channel_versions"],
            "metadata": get_serializable_checkpoint_metadata(config, metadata),
        }
        for unchanged in [kept, []] if kept else [[]]:
            given = {name: self._dump(value) for name, value in values.items() if name not in unchanged}
            body["checkpoint"] = {**said, "channel_values": given}
            body["unchanged"] = unchanged
            try:
                self._change("PUT", thread, "checkpoints", body)
                break
            except Refused as refused:
                if not unchanged or "channel" not in refused.details:
                    raise
        place = {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint["id"]}
        return {"configurable": place}

    def put_writes(self, config, writes, task_id, task_path=""):
        thread, namespace = self._place(config)
        items = [
            {
                "task_id": task_id,
                "task_path": task_path,
                "idx": WRITES_IDX_MAP.get(channel, index),
                "channel": channel,
                "value": self._dump(value),
            }
            for index, (channel, value) in enumerate(writes)
        ]
        for start in range(0, len(items), 1000):
            body = {"checkpoint_ns": namespace, "checkpoint_id": get_checkpoint_id(config)}
            self._change("POST", thread, "writes", {**body, "writes": items[start : start + 1000]})

    def delete_thread(self, thread_id):
        path = self._find(str(thread_id))
        if path is not None:
            self._call("DELETE", path, missing=None)
        self._forget(str(thread_id))

    def delete_for_runs(self, run_ids):
        run_ids = [str(run) for run in run_ids]
        for start in range(0, len(run_ids), 100):
            self._call("POST", "/api/threads/delete-runs", {"run_ids": run_ids[start : start + 100]})

    def copy_thread(self, source_thread_id, target_thread_id):
        path = self._find(str(source_thread_id))
        if path is not None:
            self._call("POST", f"{path}/copy", self._name(str(target_thread_id)), key=str(uuid.uuid4()))

    def prune(self, thread_ids, *, strategy="keep_latest"):
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"unknown strategy {strategy!r}")
        for thread in thread_ids:
            if strategy == "delete":
                self.delete_thread(thread)
                continue
            path = self._find(str(thread))
            if path is not None:
                self._call("POST", f"{path}/prune", {"keep": 1}, missing=None)

    # ---- the same for tasks

    async def aget_tuple(self, config):
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(self, config, *, filter=None, before=None, limit=None):
        found = self.list(config, filter=filter, before=before, limit=limit)
        while (item := await asyncio.to_thread(next, found, None)) is not None:
            yield item

    async def aput(self, config, checkpoint, metadata, new_versions):
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(self, config, writes, task_id, task_path=""):
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id):
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids):
        await asyncio.to_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id, target_thread_id):
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids, *, strategy="keep_latest"):
        await asyncio.to_thread(lambda: self.prune(thread_ids, strategy=strategy))

    # ---- leases

    @contextlib.contextmanager
    def lease(self, thread_id, lease_ms=30_000):
        """Drives a thread alone. The lease is renewed until the block ends; what others do meanwhile is refused."""
        thread = str(thread_id)
        path = self._make(thread)
        fence = self._call("POST", f"{path}/lease", {"lease_ms": lease_ms})["fence"]
        with self._lock:
            self._fences[thread] = fence
        ended = threading.Event()

        def renew():
            while not ended.wait(lease_ms / 3000):
                # A renewal that fails is no harm: the fence holds until somebody else has the lease.
                with contextlib.suppress(Refused, OSError):
                    self._call("POST", f"{path}/lease", {"lease_ms": lease_ms, "fence": fence})

        renewing = threading.Thread(target=renew, name=f"lease of {thread}", daemon=True)
        renewing.start()
        try:
            yield fence
        finally:
            ended.set()
            renewing.join()
            with self._lock:
                self._fences.pop(thread, None)
            with contextlib.suppress(Refused, OSError):
                self._call("DELETE", f"{path}/lease?fence={fence}", missing=None)

    # ---- values

    def _dump(self, value):
        """A value as JSON: plain where that loses nothing, else as the serializer has it. A list's elements are taken one
        by one, so that Martlet keeps each of them once."""
        if type(value) is list and self._plain:
            return [element if _is_plain(element) else self._typed(element) for element in value]
        return value if self._plain and _is_plain(value) else self._typed(value)

    def _typed(self, value):
        kind, data = self.serde.dumps_typed(value)
        return {TYPE: kind, "data": base64.b64encode(data).decode()}

    def _load(self, value):
        if type(value) is list:
            return [self._load(element) if type(element) is dict else element for element in value]
        if type(value) is dict and TYPE in value:
            return self.serde.loads_typed((value[TYPE], base64.b64decode(value["data"])))
        return value

    # ---- threads

    @staticmethod
    def _place(config):
        return str(config["configurable"]["thread_id"]), config["configurable"].get("checkpoint_ns") or ""

    def _name(self, thread):
        """How Martlet is told which thread is meant."""
        return {"thread_id": thread} if _is_uuid(thread) else {"key": thread}

    def _find(self, thread):
        """The path of a thread; None when there is none."""
        if _is_uuid(thread):
            return f"/api/threads/{thread}"
        if path := self._known.get(thread):
            return path
        query = {"key": thread, **({"project_id": self.project_id} if self.project_id else {})}
        found = self._call("GET", f"/api/threads?{urllib.parse.urlencode(query)}")["items"]
        mine = found if len(found) == 1 else [item for item in found if item["project_id"] == self.project_id]
        return self._remember(thread, mine[0]["thread_id"]) if mine else None

    def _make(self, thread):
        """The path of a thread, which is there afterwards."""
        if path := self._known.get(thread):
            return path
        body = {**self._name(thread), **({"project_id": self.project_id} if self.project_id else {})}
        return self._remember(thread, self._call("POST", "/api/threads", body)["thread_id"])

    def _remember(self, thread, identifier):
        with self._lock:
            if len(self._known) >= KNOWN_THREADS:
                self._known.clear()
            self._known[thread] = path = f"/api/threads/{identifier}"
        return path

    def _forget(self, thread):
        with self._lock:
            self._known.pop(thread, None)

    def _change(self, method, thread, what, body):
        if fence := self._fences.get(thread):
            body["fence"] = fence
        for attempt in (1, 2):
            try:
                return self._call(method, f"{self._make(thread)}/{what}", body)
            except Refused as refused:
                # Deleted since we knew it. A thread that is leased is not made again behind its holder's back.
                if refused.code != "THREAD_NOT_FOUND" or attempt == 2 or fence:
                    raise
                self._forget(thread)

    # ---- requests

    def _call(self, method, path, body=None, missing=Refused, key=None):
        """The answer's JSON; `missing` instead of a refusal with 404."""
        data = None if body is None else _dumps(body).encode()
        for attempt in range(1, self._attempts + 1):
            try:
                status, headers, answer = self._http.request(method, path, data, key)
            except (OSError, http.client.HTTPException) as error:
                status, failure, wait = None, error, None
            else:
                if 200 <= status < 300:
                    return json.loads(answer) if answer else None
                error = _error(answer)
                if status == 404 and missing is not Refused and str(error.get("code", "")).endswith("_NOT_FOUND"):
                    return missing
                failure = (LeaseLost if error.get("code") == "LEASE_LOST" else Refused)(status, error)
                wait = float(headers.get("Retry-After") or 0)
            if attempt == self._attempts or status is not None and status not in (429, 500, 502, 503, 504):
                raise failure
            time.sleep(max(wait or 0, random.uniform(0, min(5, 0.1 * 2**attempt))))


class _Connections:
    """Connections that are kept open, each lent to one request at a time."""

    def __init__(self, url, token, timeout, most):
        address = urllib.parse.urlsplit(url)
        self._make = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._host, self._timeout, self._root = address.netloc, timeout, address.path.rstrip("/")
        self._idle = queue.LifoQueue(maxsize=most)
        self._headers = {"Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def request(self, method, path, data, key):
        headers = dict(self._headers)
        if data is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._make(self._host, timeout=self._timeout)
        try:
            connection.request(method, self._root + path, data, headers)
            response = connection.getresponse()
            answer = response.read()
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            try:
                self._idle.put_nowait(connection)
            except queue.Full:
                connection.close()
        return response.status, response.headers, answer


def _is_plain(value, depth=0):
    """Whether JSON says exactly this value, and nothing else could be meant by it."""
    kind = type(value)
    if value is None or kind is bool:
        return True
    if kind is str:
        return not any("\ud800" <= character <= "\udfff" for character in value) if not value.isascii() else True
    if kind is int:
        return -(2**63) <= value < 2**63
    if kind is float:
        return math.isfinite(value)
    if depth == 32:
        return False
    if kind is list:
        return all(_is_plain(element, depth + 1) for element in value)
    if kind is dict:
        return TYPE not in value and all(
            type(name) is str and _is_plain(name) and _is_plain(element, depth + 1) for name, element in value.items()
        )
    return False


def _is_uuid(text):
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _quoted(text):
    return urllib.parse.quote(text, safe="")


def _dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _error(answer):
    try:
        return json.loads(answer)["error"]
    except (ValueError, KeyError, TypeError):
        return {"code": "UPSTREAM_FAILED", "message": "the answer is not Martlet's"}
