"""The worker that `martlet conformance worker` checks: the jobs of docs/worker-protocol.md, on martlet_worker."""
import os

from martlet_worker import Failed, Worker


def work(job):
    params = job.params
    if params["do"] == "echo":
        return {"echo": params["value"]}
    if params["do"] == "sleep":
        job.sleep(params["ms"] / 1000)
        return {}
    if params["do"] == "fail":
        raise Failed(params["code"], "asked to fail", retryable=params["retryable"])
    if params["do"] == "count":
        first = (job.checkpoint or {"n": 0})["n"]
        for number in range(first, params["to"]):
            if first == 0 and number == params.get("fail_at"):
                raise Failed("STUMBLED", f"at {number}")
            job.sleep(params["step_ms"] / 1000)
            job.progress((number + 1) / params["to"], checkpoint={"n": number + 1})
        return {"from": first, "to": params["to"]}
    raise Failed("UNKNOWN_TASK", params["do"], retryable=False)


if __name__ == "__main__":
    Worker({kind: work for kind in os.environ["WORKER_KINDS"].split(",")}).run()
