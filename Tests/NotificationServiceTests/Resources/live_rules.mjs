// The rules of docs/clients.md that a good network never shows, on the JavaScript client with a scripted service.
import assert from "node:assert/strict";
import { Live } from "../../../clients/javascript/martlet.js";

const CARD = "0195e7a2-0000-7000-8000-000000000001";
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until something holds. */
async function until(what, holds) {
  for (let round = 0; round < 1000; round += 1, await wait(2)) if (holds()) return;
  assert.fail(`never happened: ${what}`);
}

/** A service that says what the test says. */
function scripted() {
  const sockets = [];
  class Socket {
    readyState = 0;
    sent = [];
    constructor(url, protocol) {
      Object.assign(this, { url, protocol });
      sockets.push(this);
      setTimeout(() => this.readyState === 0 && ((this.readyState = 1), this.onopen()), 0);
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.readyState = 3;
    }
    say(message) {
      this.onmessage({ data: JSON.stringify(message) });
    }
    end(code, reason = "") {
      this.readyState = 3;
      this.onclose({ code, reason });
    }
    of(type) {
      return this.sent.filter((message) => message.type === type);
    }
  }
  return { sockets, Socket };
}

const job = (id, seq, status = "queued") => ({ job_id: id, seq, status });
const update = (id, seq, row, type = "job.status.updated", more = {}) => ({
  type: "job_update",
  context_id: CARD,
  cursor: `e.${row}.1`,
  data: { ...job(id, seq), type, event_id: `${id}:${seq}`, position: `e.${row}.1`, prev_position: "e.1.1", ...more },
});
const snapshot = (jobs, row, last = true) => ({
  type: "snapshot", context_id: CARD, reason: "new", jobs, last, ...(last ? { cursor: `e.${row}.1` } : {}),
});
const subscribed = (recovered, cursor) => ({
  type: "subscribed", context_id: CARD, recovered, ...(cursor ? { cursor } : {}),
});

/** A client that is connected and has a snapshot of the job `a` with number 1, at row 5. */
async function started(options = {}) {
  const service = scripted();
  const heard = { jobs: [], removed: [], events: [], errors: [], states: [] };
  let tokens = 0;
  const live = new Live("https://live.example.com/", () => `secret-${++tokens}`, {
    times: { firstRetry: 10, longestRetry: 40 },
    random: () => 0.5,
    WebSocket: service.Socket,
    onJob: (job) => heard.jobs.push(job),
    onRemove: (id) => heard.removed.push(id),
    onEvent: (data) => heard.events.push(data),
    onError: (error) => heard.errors.push(error.code),
    onState: (state) => heard.states.push(state),
    ...options,
  });
  live.watch(CARD);
  const next = async (count) => {
    await until(`connection ${count}`, () => service.sockets[count - 1]?.of("hello").length === 1);
    const socket = service.sockets[count - 1];
    socket.say({ type: "authenticated", connection: "1", expires_at: null });
    return socket;
  };
  const socket = await next(1);
  socket.say(subscribed(false));
  socket.say(snapshot([job("a", 1)], 5));
  return { ...service, live, heard, next, socket };
}

const rules = {
  async "the token is the first message and never in the URL"() {
    const { socket, live } = await started();
    assert.equal(socket.url, "wss://live.example.com/ws");
    assert.deepEqual(socket.sent[0], { type: "hello", token: "secret-1" });
    assert.equal(socket.protocol, "martlet.v1+json");
    live.close();
  },
  async "it comes back with its cursor"() {
    const { socket, live, next } = await started();
    socket.say(update("a", 2, 6));
    socket.end(1006);
    const second = await next(2);
    assert.deepEqual(second.of("subscribe")[0].contexts, [{ context_id: CARD, cursor: "e.6.1" }]);
    assert.equal(second.of("hello")[0].token, "secret-2");
    live.close();
  },
  async "half a snapshot is none"() {
    const { socket, live, next } = await started();
    socket.say(snapshot([job("b", 7)], 9, false));
    socket.end(1006);
    const second = await next(2);
    assert.deepEqual(second.of("subscribe")[0].contexts, [{ context_id: CARD, cursor: "e.5.1" }]);
    assert.deepEqual([...live.jobs(CARD).keys()], ["a"]);
    second.say(subscribed(false));
    second.say(snapshot([job("c", 3)], 12));
    assert.deepEqual([...live.jobs(CARD).keys()], ["c"]);
    live.close();
  },
  async "a snapshot replaces what was known, and turns nothing back"() {
    const { socket, live, heard } = await started();
    socket.say(update("a", 2, 6));
    socket.say(update("b", 1, 7));
    socket.say(snapshot([job("a", 1), job("c", 4)], 8));
    assert.deepEqual([...live.jobs(CARD)].map(([id, { seq }]) => `${id}${seq}`).sort(), ["a2", "c4"]);
    assert.deepEqual(heard.removed, ["b"]);
    live.close();
  },
  async "what is old changes nothing, and progress belongs to its status"() {
    const { socket, live, heard } = await started();
    socket.say(update("a", 2, 6));
    socket.say(update("a", 1, 5));
    socket.say(update("a", 2, 6));
    socket.say(update("a", 2, 7, "job.progress.updated", { progress: { fraction: 0.5 } }));
    assert.equal(live.jobs(CARD).get("a").seq, 2);
    assert.equal(live.jobs(CARD).get("a").progress.fraction, 0.5);
    assert.equal(heard.jobs.length, 3);
    live.close();
  },
  async "a gap is healed from the cursor before it, then by a snapshot"() {
    const { socket, live } = await started();
    socket.say(update("a", 4, 9));
    socket.say(update("b", 1, 10));
    assert.deepEqual(socket.of("subscribe")[1].contexts, [{ context_id: CARD, cursor: "e.5.1" }]);
    assert.equal(live.jobs(CARD).has("b"), false);
    socket.say(subscribed(true, "e.5.1"));
    socket.say(update("a", 4, 9));
    assert.deepEqual(socket.of("subscribe")[2].contexts, [{ context_id: CARD }]);
    socket.say(subscribed(false));
    socket.say(snapshot([job("a", 4), job("b", 1)], 11));
    socket.say(update("a", 5, 12));
    assert.equal(live.jobs(CARD).get("a").seq, 5);
    assert.equal(live.counts.gaps, 2);
    live.close();
  },
  async "a skip is no gap, unless it begins too late"() {
    const { socket, live } = await started();
    socket.say({ type: "skip", context_id: CARD, job_id: "a", from: 2, to: 6, reason: "conflated" });
    socket.say(update("a", 7, 20, undefined, { status: "completed" }));
    assert.equal(live.jobs(CARD).get("a").status, "completed");
    assert.equal(live.counts.gaps, 0);
    socket.say({ type: "skip", context_id: CARD, job_id: "a", from: 10, to: 12, reason: "conflated" });
    assert.equal(live.counts.gaps, 1);
    assert.deepEqual(socket.of("subscribe")[1].contexts, [{ context_id: CARD, cursor: "e.20.1" }]);
    live.close();
  },
  async "a drain is followed to the millisecond"() {
    const { socket, sockets, live } = await started();
    socket.say({ type: "drain", reconnect_after_ms: 150, deadline_ms: 5000, cursors: {} });
    const begin = Date.now();
    socket.say(update("a", 2, 6));
    assert.equal(live.jobs(CARD).get("a").seq, 2);
    await wait(60);
    socket.end(4012, `{"action":"resume"}`);
    await until("it is back", () => sockets.length === 2);
    const waited = Date.now() - begin;
    assert.ok(waited >= 145 && waited < 205, `${waited}`);
    live.close();
  },
  async "waits grow, are drawn, and are bounded"() {
    const { socket, sockets, live } = await started();
    let before = socket;
    for (const expected of [5, 10, 20, 20]) {
      const begin = performance.now();
      before.end(1006);
      const count = sockets.length;
      await until("it tries again", () => sockets.length === count + 1);
      const waited = performance.now() - begin;
      assert.ok(waited >= expected - 2, `${waited} instead of ${expected}`);
      before = sockets.at(-1);
    }
    live.close();
  },
  async "a close may ask for a longer wait"() {
    const { socket, sockets, live } = await started();
    socket.end(4029, `{"action":"slow_down","retry_ms":120}`);
    const begin = Date.now();
    await until("it is back", () => sockets.length === 2);
    assert.ok(Date.now() - begin >= 115);
    live.close();
  },
  async "a token is renewed in the connection"() {
    const { socket, live, heard } = await started();
    socket.say({ type: "auth_expiring", in_s: 60 });
    await until("auth", () => socket.of("auth").length === 1);
    assert.equal(socket.of("auth")[0].token, "secret-2");
    socket.say({ type: "authenticated", connection: "1", expires_at: null });
    assert.equal(socket.of("subscribe").length, 1);
    assert.deepEqual(heard.states, ["connecting", "open"]);
    live.close();
  },
  async "it gives up where coming back is no use"() {
    for (const code of [4000, 4003, 4009]) {
      const { socket, sockets, live, heard } = await started();
      socket.end(code);
      await wait(60);
      assert.equal(live.state, "closed");
      assert.equal(sockets.length, 1);
      assert.deepEqual(heard.errors, [`CLOSED_${code}`]);
    }
    const { socket, sockets, live } = await started();
    socket.end(4001);
    await until("a second token", () => sockets[1]?.of("hello").length === 1);
    sockets[1].end(4001);
    await wait(60);
    assert.equal(live.state, "closed");
    assert.equal(sockets.length, 2);
  },
  async "a silent connection is asked, then left"() {
    const { socket, live, next } = await started({
      times: { firstRetry: 1, longestRetry: 1, silence: 40, patience: 40 },
    });
    await until("a ping", () => socket.of("ping").length === 1);
    socket.say({ type: "pong", t: 1, server_time: "" });
    await until("another ping", () => socket.of("ping").length === 2);
    await next(2);
    live.close();
  },
  async "a refused context is dropped, and what is unknown is nothing"() {
    const { socket, live, heard, next } = await started();
    socket.say({ type: "of_a_later_version", context_id: CARD });
    socket.say({ type: "event", context_id: CARD, cursor: "e.6.1", data: { type: "card.updated" } });
    socket.say({ type: "event", context_id: CARD, cursor: "e.6.1", data: { type: "card.updated" } });
    assert.equal(heard.events.length, 1);
    socket.say({
      type: "error", context_id: CARD, code: "FORBIDDEN_CONTEXT", message: "no", retryable: false,
      action: "drop_subscription",
    });
    socket.end(1006);
    assert.equal((await next(2)).of("subscribe").length, 0);
    live.close();
  },
};

for (const [name, rule] of Object.entries(rules)) {
  try {
    await rule();
  } catch (error) {
    console.log(`${name}: ${error.stack}`);
    process.exit(1);
  }
}
console.log("all rules are kept");
