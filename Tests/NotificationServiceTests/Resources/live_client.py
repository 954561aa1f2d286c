"""Watches a context with the Python client, over a network that breaks at random, until it knows the last job.

    python3 live_client.py URL CONTEXT FILE-WITH-THE-LAST-JOB
"""
import asyncio, json, os, random, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../clients/python"))
from martlet_live import Live

url, context, file = sys.argv[1:]
faults, seen, tokens, told = [], {}, 0, 0


def token():
    global tokens
    tokens += 1
    return f"a.{tokens}"


def on_job(job, _, message):
    global told
    told += 1
    before = seen.get(job["job_id"], 0)
    if job["seq"] < before:
        faults.append(f"{job['job_id']} went back from {before} to {job['seq']}")
    if message["type"] == "job_update" and 0 < before < job["seq"] - 1:
        faults.append(f"{job['job_id']} jumped from {before} to {job['seq']}")
    seen[job["job_id"]] = job["seq"]


async def breaking(live):
    """One break in five comes whatever has come; the others wait for something, or a slow service would never get
    further."""
    global told
    while True:
        await asyncio.sleep(0.03 + random.random() * 0.4)
        if told or random.random() < 0.2:
            live.interrupt()
            told = 0


async def main():
    live = Live(
        url, token, times={"first_retry": 0.02, "longest_retry": 0.2}, on_job=on_job,
        on_remove=lambda job, _: faults.append(f"{job} was removed"),
        on_error=lambda error, _: faults.append(f"{error['code']}: {error['message']}"),
    )
    live.watch(context)
    running, breaker = asyncio.ensure_future(live.run()), asyncio.ensure_future(breaking(live))
    while not (os.path.exists(file) and open(file).read() in live.jobs(context)):
        await asyncio.sleep(0.02)
    breaker.cancel()
    jobs = sorted(f"{job['job_id']} {job['seq']} {job['status']}" for job in live.jobs(context).values())
    live.close()
    await running
    print(json.dumps({"jobs": jobs, "faults": faults, **live.counts}), flush=True)


asyncio.run(main())
