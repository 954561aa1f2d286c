"""Runs jobs of a Martlet job queue. Needs nothing but Python 3.9 or later.

    from martlet_worker import Failed, Worker

    def shout(job):
        job.progress(0.5, "shouting")
        return {"text": job.params["text"].upper()}

    Worker({"shout": shout}).run()

`JOB_QUEUE_URL` and `MARTLET_TOKEN` say where the job queue is and as whom to call. A handler gets a `Job` and returns the
result, an object or None. It calls `job.check()` now and then, or says `job.progress(...)`: both end it when the job was
cancelled, or when the worker is asked to stop and the job shall go on elsewhere from its last checkpoint.

It keeps the protocol of docs/worker-protocol.md: `martlet conformance worker` checks that.
"""

import http.client
import json
import os
import random
import signal
import socket
import threading
import time
import urllib.error
import urllib.request

__all__ = ["Failed", "Interrupted", "Job", "Lost", "Snoozed", "Suspended", "Worker"]


class Failed(Exception):
    """The attempt failed. Any other exception of a handler counts as a failure that another try may mend."""

    def __init__(self, code, message="", retryable=True, retry_after_ms=None):
        super().__init__(message or code)
        self.item = {"code": code, "message": message or code, "retryable": retryable}
        if retry_after_ms is not None:
            self.item["retry_after_ms"] = retry_after_ms


class Snoozed(Exception):
    """Run the job again after `delay_ms`; it costs no attempt."""

    def __init__(self, delay_ms, reason=None, checkpoint=None):
        super().__init__(reason)
        self.item = {"delay_ms": delay_ms, "reason": reason, "checkpoint": checkpoint}


class Suspended(Exception):
    """Run the job again when somebody resumes it; `job.resume` is what was said then. It costs no attempt."""

    def __init__(self, reason=None, checkpoint=None, timeout_ms=None):
        super().__init__(reason)
        self.item = {"reason": reason, "checkpoint": checkpoint}
        if timeout_ms is not None:
            self.item["timeout_ms"] = timeout_ms


class Interrupted(Exception):
    """The worker is asked to stop: the job goes back to the line, at no attempt, with its last checkpoint."""


class Lost(Exception):
    """The job is not ours any more: cancelled, out of time, or in other hands. Nothing that we say of it counts."""


class SessionGone(Exception):
    """The job queue does not know our session: it was silent for too long."""


class Refused(Exception):
    """The job queue will never take this request; sending it again is no use."""


class Job:
    """A leased job. `fence` grows with every lease of the job: hand it to systems that can refuse an older one."""

    def __init__(self, worker, session, lease):
        self._worker, self._session = worker, session
        self.id, self.fence, self.kind, self.params = lease["job_id"], lease["fence"], lease["kind"], lease["params"]
        self.attempt, self.checkpoint, self.resume = lease["attempt"], lease.get("checkpoint"), lease.get("resume")
        self.key = {"job_id": self.id, "fence": self.fence}
        self.lost = threading.Event()

    def check(self):
        """Ends the handler when the job is lost or the worker stops."""
        if self.lost.is_set():
            raise Lost()
        if self._worker.stopping.is_set():
            raise Interrupted()

    def sleep(self, seconds):
        """Waits, and ends the handler as `check` does."""
        deadline = time.monotonic() + seconds
        while True:
            self.check()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self.lost.wait(min(left, 0.05))

    def progress(self, fraction=None, message=None, checkpoint=None):
        """Says how far the job is. The last checkpoint is handed to the next attempt."""
        if checkpoint is not None:
            self.checkpoint = checkpoint
        self.say("progress", fraction=fraction, message=message, checkpoint=checkpoint)
        self.check()

    def log(self, *lines):
        """Keeps lines for people."""
        self.say("log", lines=list(lines))

    def store(self, data, media_type="application/octet-stream"):
        """Stores a file; returns its result_url."""
        path = f"/api/workers/{self._session.id}/results/{self.id}?fence={self.fence}"
        return self._heard(self._worker.call("PUT", path, data=data, media_type=media_type, until=self.lost))["result_url"]

    def say(self, verb, **more):
        """Says a verb until it was heard; one about a job that is not ours any more is the last."""
        if self.lost.is_set():
            raise Lost()
        item = {**self.key, **{name: value for name, value in more.items() if value is not None}}
        path = f"/api/workers/{self._session.id}/{verb}"
        status = self._heard(self._worker.call("POST", path, {"items": [item]}, until=self.lost))["items"][0]["status"]
        if status == "LEASE_LOST":
            self.lost.set()
            raise Lost()
        return status


    def _heard(self, answer):
        if answer is None:
            raise Lost()
        return answer


class Session:
    """A session with the job queue, and what it holds."""

    def __init__(self, answer):
        self.id, self.period = answer["worker_id"], answer["heartbeat_ms"] / 1000
        self.gone = threading.Event()
        self.ended = threading.Event()
        self.jobs = {}  # by id and fence
        self.stopped = []  # cancelled leases to be reported as stopped
        self.lock = threading.Lock()


class Worker:
    """Serves the job queue until SIGTERM, SIGINT, or the command to drain."""

    def __init__(self, handlers, capacity=1, queues=None, name=None, url=None, token=None):
        self.handlers, self.capacity, self.queues = handlers, capacity, queues
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.url = (url or os.environ["JOB_QUEUE_URL"]).rstrip("/")
        self.token = token or os.environ["MARTLET_TOKEN"]
        self.stopping = threading.Event()  # hand everything back, and go
        self.draining = threading.Event()  # finish what there is, and go

    def run(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        while not self._leaving():
            body = {"name": self.name, "kinds": list(self.handlers), "capacity": self.capacity}
            if self.queues:
                body["queues"] = self.queues
            answer = self.call("POST", "/api/workers", body, until=self.stopping)
            if answer is not None:
                self._serve(Session(answer))

    def _leaving(self):
        return self.stopping.is_set() or self.draining.is_set()

    def _serve(self, session):
        beating = threading.Thread(target=self._beat, args=(session,), daemon=True)
        beating.start()
        threads = []
        try:
            while not self._leaving() and not session.gone.is_set():
                threads = [thread for thread in threads if thread.is_alive()]
                room = self.capacity - len(threads)
                if room <= 0:
                    time.sleep(0.01)
                    continue
                path = f"/api/workers/{session.id}/acquire"
                answer = self.call("POST", path, {"max": room, "wait_ms": 2000}, until=self.stopping)
                for lease in (answer or {"leases": []})["leases"]:
                    job = Job(self, session, lease)
                    with session.lock:
                        session.jobs[job.id, job.fence] = job
                    threads.append(threading.Thread(target=self._attempt, args=(session, job)))
                    threads[-1].start()
        except SessionGone:
            pass
        # Heartbeats go on to the very end: what still runs needs its lease.
        for thread in threads:
            thread.join()
        session.ended.set()
        if not session.gone.is_set():
            try:
                # What was leased and not heard of goes back with the session.
                self.call("DELETE", f"/api/workers/{session.id}", attempts=5)
            except (SessionGone, OSError, Refused):
                pass

    def _attempt(self, session, job):
        try:
            if job.say("start") != "ok":
                return
            try:
                result = self.handlers[job.kind](job)
                job.say("complete", result=result)
            except Failed as failure:
                job.say("fail", **failure.item)
            except Snoozed as wish:
                job.say("snooze", **wish.item)
            except Suspended as wish:
                job.say("suspend", **wish.item)
            except Interrupted:
                job.say("release", checkpoint=job.checkpoint)
            except (Lost, SessionGone):
                raise
            except Exception as error:  # whatever a handler throws is a failed attempt
                job.say("fail", code=type(error).__name__, message=str(error)[:2000])
        except (Lost, SessionGone):
            pass
        except Refused as error:
            print(f"job {job.id}: {error}", flush=True)
        finally:
            with session.lock:
                session.jobs.pop((job.id, job.fence), None)
                if job.lost.is_set():
                    session.stopped.append(job.key)

    def _beat(self, session):
        while not session.ended.wait(session.period):
            with session.lock:
                stopped, session.stopped = session.stopped, []
                holding = [job.key for job in session.jobs.values()]
            try:
                path = f"/api/workers/{session.id}/heartbeat"
                answer = self.call("POST", path, {"stopped": stopped, "holding": holding}, until=session.ended)
            except (SessionGone, Refused):
                session.gone.set()
                with session.lock:
                    for job in session.jobs.values():
                        job.lost.set()
                return
            if answer is None:
                return
            if answer["command"] == "drain":
                self.draining.set()
            with session.lock:
                for key in answer["cancel"]:
                    job = session.jobs.get((key["job_id"], key["fence"]))
                    if job:
                        job.lost.set()
                    else:
                        session.stopped.append(key)

    def call(self, method, path, body=None, data=None, media_type="application/json", until=None, attempts=None):
        """Sends a request until it was answered, waiting longer each time; None when `until` was set meanwhile."""
        data = data if body is None else json.dumps(body).encode()
        attempt = 0
        while True:
            attempt += 1
            # Full jitter: workers that lost the same service do not come back together.
            wait = 0.05 + random.random() * min(5.0, 0.1 * 2 ** min(attempt, 10))
            request = urllib.request.Request(self.url + path, data, method=method)
            request.add_header("Authorization", "Bearer " + self.token)
            if data is not None:
                request.add_header("Content-Type", media_type)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    text = answer.read()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as refusal:
                text = refusal.read().decode(errors="replace")
                if refusal.code == 404 and "WORKER_NOT_FOUND" in text:
                    raise SessionGone() from None
                if refusal.code == 409 and "LEASE_LOST" in text:
                    raise Lost() from None
                if refusal.code not in (408, 429) and refusal.code < 500:
                    raise Refused(f"{method} {path}: {refusal.code} {text[:500]}") from None
                after = refusal.headers.get("Retry-After") or "0"
                wait = max(wait, min(float(after) if after.isdigit() else 0, 60.0))
            except (OSError, ValueError, http.client.HTTPException):
                # Not reached, cut off, or half an answer: it may have had its effect, and a repetition changes nothing.
                pass
            if attempts is not None and attempt >= attempts:
                raise OSError(f"{method} {path} was not answered")
            if until is None:
                time.sleep(wait)
            elif until.wait(wait):
                return None
