"""A Martlet worker: runs jobs of kind "shout" (params.text -> a text file in capitals). Only Python's own library."""
import json, os, signal, threading, time, urllib.error, urllib.request

BASE, TOKEN = os.environ["JOB_QUEUE_URL"], os.environ["MARTLET_TOKEN"]
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())


def call(method, path, body=None, raw=None, kind="application/json"):
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, {"Authorization": "Bearer " + TOKEN, "Content-Type": kind}, method=method)
    with urllib.request.urlopen(request, timeout=40) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def run(worker, lease):
    me = {"job_id": lease["job_id"], "fence": lease["fence"]}  # the fence proves that the job is still ours
    say = lambda verb, **more: call("POST", f"/api/workers/{worker}/{verb}", {"items": [{**me, **more}]})["items"][0]["status"]
    if say("start") != "ok":
        return
    try:
        say("progress", fraction=0.5, message="shouting")
        text = lease["params"]["text"].upper().encode()
        path = f"/api/workers/{worker}/results/{me['job_id']}?fence={me['fence']}"
        stored = call("PUT", path, raw=text, kind="text/plain; charset=utf-8")
        say("complete", result_url=stored["result_url"], result={"bytes": stored["bytes"]})
    except KeyError as missing:
        say("fail", code="BAD_PARAMS", message=f"{missing} is missing", retryable=False)


def heartbeats(worker, every):
    while True:  # to the very end: a job that still runs when we are asked to stop needs its lease
        time.sleep(every)
        try:
            if call("POST", f"/api/workers/{worker}/heartbeat", {})["command"] != "continue":
                stopping.set()
        except urllib.error.URLError as error:
            print("heartbeat:", error)


session = call("POST", "/api/workers", {"name": "shouter", "kinds": ["shout"], "capacity": 1})
threading.Thread(target=heartbeats, args=(session["worker_id"], session["heartbeat_ms"] / 1000), daemon=True).start()
while not stopping.is_set():
    for lease in call("POST", f"/api/workers/{session['worker_id']}/acquire", {"max": 1, "wait_ms": 5000})["leases"]:
        run(session["worker_id"], lease)
call("DELETE", f"/api/workers/{session['worker_id']}")  # what we still held goes back to the line, at no attempt
