"""The reference worker with one mistake, named by the first argument."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../clients/python"))
import conformance_worker
import martlet_worker
from martlet_worker import Job, Lost, Worker

mistake = sys.argv[1]
say, call = Job.say, Worker.call


if mistake == "never says start":
    # It works and writes its log, and only then says that it starts.
    work = conformance_worker.work

    def late(job):
        say(job, "log", lines=["working"])
        result = work(job)
        say(job, "start")
        return result

    conformance_worker.work = late
    Job.say = lambda job, verb, **more: "ok" if verb == "start" else say(job, verb, **more)
elif mistake == "sends no heartbeats":
    Worker._beat = lambda worker, session: None
elif mistake == "hides how it failed":
    Job.say = lambda job, verb, **more: (
        say(job, "fail", code="ERROR", message="") if verb == "fail" else say(job, verb, **more)
    )
elif mistake == "forgets checkpoints":
    create = Job.__init__

    def forgetful(job, worker, session, lease):
        create(job, worker, session, {**lease, "checkpoint": None})

    Job.__init__ = forgetful
elif mistake == "ignores cancellations":

    def deaf(worker, method, path, *arguments, **more):
        answer = call(worker, method, path, *arguments, **more)
        return {"command": "continue", "cancel": []} if path.endswith("/heartbeat") else answer

    Worker.call = deaf
elif mistake == "repeats what was lost":

    def stubborn(job, verb, **more):
        while True:
            try:
                return say(job, verb, **more)
            except Lost:
                job.lost.clear()
                time.sleep(0.1)

    Job.say = stubborn
elif mistake == "says nothing twice":

    def once(worker, method, path, *arguments, **more):
        if path.endswith("/complete"):
            more["attempts"] = 1
        return call(worker, method, path, *arguments, **more)

    Worker.call = once
elif mistake == "storms":
    martlet_worker.random.random = lambda: 0
    martlet_worker.time.sleep = lambda seconds: None
    martlet_worker.threading.Event.wait = lambda event, timeout=None: event.is_set()
elif mistake == "clings to its session":

    def faithful(worker, method, path, *arguments, **more):
        while True:
            try:
                return call(worker, method, path, *arguments, **more)
            except martlet_worker.SessionGone:
                time.sleep(0.5)

    Worker.call = faithful
elif mistake == "ignores draining":

    def busy(worker, method, path, *arguments, **more):
        answer = call(worker, method, path, *arguments, **more)
        if answer and path.endswith("/heartbeat"):
            answer["command"] = "continue"
        return answer

    Worker.call = busy
elif mistake == "drops what it has":

    def careless(job, verb, **more):
        if verb == "release":
            os._exit(0)
        return say(job, verb, **more)

    Job.say = careless
else:
    sys.exit(f"no mistake is called {mistake}")

Worker({kind: conformance_worker.work for kind in os.environ["WORKER_KINDS"].split(",")}).run()
