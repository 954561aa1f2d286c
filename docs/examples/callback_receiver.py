"""Receives the callbacks of Martlet jobs and checks that they come from it. Only Python's own library.

    CALLBACK_SECRET=… python3 callback_receiver.py 9000

Submit a job with "callback_url": "http://<this machine>:9000/martlet"; each line that is printed is a job's end.
"""
import hashlib, hmac, http.server, json, os, sys, time

SECRET = os.environ["CALLBACK_SECRET"].encode()
TOLERANCE = 300  # seconds: an older signature may be one that somebody recorded
seen = set()  # of a real receiver: a table with a unique key, written in the transaction of the effect


def is_genuine(header, body, now=None):
    """Whether `Martlet-Signature: t=<seconds>,v1=<hex>` signs exactly these bytes, and lately."""
    parts = [part.strip().partition("=") for part in (header or "").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit():
        return False
    if abs((time.time() if now is None else now) - int(times[0])) > TOLERANCE:
        return False
    expected = hmac.new(SECRET, times[0].encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    # There may be several v1, while a secret is being replaced. compare_digest takes equally long for every guess.
    return any(hmac.compare_digest(value.encode(), expected) for name, _, value in parts if name == "v1")


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))  # as it came: parse only what is checked
        if not is_genuine(self.headers.get("Martlet-Signature"), body):
            return self.answer(401)
        key = self.headers["Idempotency-Key"]
        if key not in seen:  # a callback comes at least once
            seen.add(key)
            event = json.loads(body)
            print(event["job_id"], event["status"], event["result_url"] or "", flush=True)
        self.answer(204)  # anything but 2xx is tried again

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9000), Receiver)
    print("listening on", server.server_port, flush=True)
    server.serve_forever()
