// Live updates of a Martlet notification service, for browsers and for node 18 or later. One file, no build step:
//
//   import { Live } from "./martlet.js";
//
//   const live = new Live("https://live.example.com", () => fetchToken(), {
//     onJob: (job, context) => show(job),
//   });
//   live.watch("project:0195e7a2-…");
//
// What each watched context holds is in `live.jobs(context)`, and stays equal to the database through any number of
// disconnects. It behaves as docs/clients.md says.

/** How a client waits, in milliseconds. */
const DEFAULTS = {
  firstRetry: 500, // bound of the first wait; each next is twice as long
  longestRetry: 30_000,
  steady: 10_000, // after so long a connection counts as good, and waits begin anew
  silence: 30_000, // without a word for so long we ask whether anybody is there
  patience: 10_000, // and wait so long for the answer, or for the handshake
};

/** Closes after which coming back with the same would be no use. */
const FINAL = { 4000: "bad_request", 4003: "forbidden", 4009: "too_many" };

/** A connection's worth of contexts in one message: it must stay below 16 KiB. */
const PER_MESSAGE = 60;

/**
 * Events: `onJob(job, context, message)` for a job that changed, `onRemove(jobID, context)` for one that is not in the
 * context any more, `onEvent(data, context)` for everything that is no job's, `onState(state)` with connecting, open,
 * waiting, closed, and `onError(error, context)` with what was refused.
 */
export class Live {
  #base;
  #token;
  #on;
  #times;
  #random;
  #contexts = new Map(); // by id: { cursor, jobs, pages, gap, isDeaf }
  #socket = null;
  #generation = 0; // of connections: what an older one still says is not heard
  #state = "closed";
  #failures = 0;
  #refusals = 0; // of the token, in a row
  #reconnectAt = null;
  #timers = {};
  #numbers = 0;
  #options;
  /** What happened so far, for tests and dashboards. */
  counts = { connects: 0, resumed: 0, snapshots: 0, refreshes: 0, gaps: 0, skips: 0 };

  /** `token` is a string, or a function that gives a fresh one, or a promise of it. */
  constructor(url, token, { times, random, WebSocket: kind, ...handlers } = {}) {
    this.#base = url.replace(/^http/, "ws").replace(/\/+$/, "");
    this.#token = typeof token === "function" ? token : () => token;
    this.#on = handlers;
    this.#times = { ...DEFAULTS, ...times };
    this.#random = random ?? Math.random;
    this.#options = { kind };
  }

  get state() {
    return this.#state;
  }

  /** Watches a context. `saved` is what `save()` gave for it earlier, in this page or in another. */
  watch(context, saved = {}) {
    if (this.#contexts.has(context)) return;
    const jobs = new Map((saved.jobs ?? []).map((job) => [job.job_id, job]));
    this.#contexts.set(context, { cursor: saved.cursor ?? null, jobs, pages: null, gap: null, isDeaf: false });
    if (this.#state === "open") this.#subscribe([context]);
    else if (this.#state === "closed") this.#connect();
  }

  /** Watches a context no more, and forgets it. */
  unwatch(context) {
    if (!this.#contexts.delete(context) || this.#state !== "open") return;
    this.#send({ type: "unsubscribe", id: this.#next(), contexts: [context] });
  }

  /** The jobs of a context by id, as far as they are known. */
  jobs(context) {
    return this.#contexts.get(context)?.jobs ?? new Map();
  }

  /** What `watch` goes on from later. */
  save(context) {
    const held = this.#contexts.get(context);
    return held && { cursor: held.cursor, jobs: [...held.jobs.values()] };
  }

  /** Ends it. */
  close() {
    this.#enter("closed");
    this.#stopTimers();
    this.#generation += 1;
    this.#socket?.close(1000);
    this.#socket = null;
  }

  /** Cuts the connection as a broken network would; it comes back by itself. */
  interrupt() {
    const socket = this.#socket;
    if (socket) this.#lost(this.#generation, 1006, "");
    (socket?.terminate ?? socket?.close)?.call(socket);
  }

  // Connection

  async #connect() {
    this.#enter("connecting");
    this.#stopTimers();
    const generation = ++this.#generation;
    const isOld = () => generation !== this.#generation;
    this.#timers.patience = setTimeout(() => this.#lost(generation, 1006, "no handshake"), this.#times.patience);
    let token;
    try {
      token = await this.#token();
      const kind = this.#options.kind ?? globalThis.WebSocket ?? (await nodeWebSocket());
      if (isOld()) return;
      // The token goes into the first message: an URL would leave it in logs.
      this.#socket = new kind(`${this.#base}/ws`, "martlet.v1+json");
    } catch (error) {
      if (!isOld()) this.#lost(generation, 1006, String(error));
      return;
    }
    const socket = this.#socket;
    socket.onopen = () => isOld() || this.#send({ type: "hello", token });
    socket.onmessage = ({ data }) => isOld() || this.#received(data);
    socket.onerror = () => isOld() || this.#lost(generation, 1006, "");
    socket.onclose = ({ code, reason }) => isOld() || this.#lost(generation, code, reason);
  }

  /** The connection is gone, or was never there. */
  #lost(generation, code, reason) {
    if (generation !== this.#generation) return;
    this.#generation += 1;
    this.#stopTimers();
    const socket = this.#socket;
    this.#socket = null;
    try {
      (socket?.terminate ?? socket?.close)?.call(socket);
    } catch {
      // It is closed already.
    }
    // Half a snapshot has no cursor: it comes again.
    for (const held of this.#contexts.values()) [held.pages, held.isDeaf] = [null, false];
    if (this.#state === "closed") return;
    if (code in FINAL) return this.#giveUp(code, FINAL[code]);
    if (code === 4001 && (this.#refusals += 1) > 1) return this.#giveUp(code, "unauthenticated");
    let wait;
    if (this.#reconnectAt !== null) {
      wait = Math.max(0, this.#reconnectAt - Date.now()); // The service has chosen it, another one for each client.
    } else {
      const bound = Math.min(this.#times.longestRetry, this.#times.firstRetry * 2 ** this.#failures);
      wait = Math.max(this.#random() * bound, retryAfter(reason));
      this.#failures += 1;
    }
    this.#reconnectAt = null;
    this.#enter("waiting");
    this.#timers.retry = setTimeout(() => this.#connect(), wait);
  }

  #giveUp(code, reason) {
    this.#enter("closed");
    this.#on.onError?.({ code: `CLOSED_${code}`, message: reason, retryable: false });
  }

  #enter(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.#on.onState?.(state);
  }

  #stopTimers() {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#timers = {};
  }

  /** Something came: the other side lives. */
  #heard() {
    clearTimeout(this.#timers.patience);
    clearTimeout(this.#timers.silence);
    const generation = this.#generation;
    this.#timers.silence = setTimeout(() => {
      this.#send({ type: "ping", t: Date.now() });
      this.#timers.patience = setTimeout(() => this.#lost(generation, 1006, "silent"), this.#times.patience);
    }, this.#times.silence);
  }

  #send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #next() {
    return String(++this.#numbers);
  }

  // Messages

  #received(text) {
    this.#heard();
    const message = JSON.parse(text);
    const held = this.#contexts.get(message.context_id);
    switch (message.type) {
      case "authenticated":
        return this.#authenticated();
      case "auth_expiring":
        return this.#refresh();
      case "drain":
        this.#reconnectAt = Date.now() + message.reconnect_after_ms;
        return;
      case "error":
        return this.#refused(message, held);
      case "subscribed":
        if (held && message.recovered) this.counts.resumed += 1;
        if (held) held.isDeaf = false;
        // A cursor here is where the updates go on; without one the snapshot has it.
        if (held && message.cursor) held.cursor = message.cursor;
        return;
      case "snapshot":
        return held && this.#snapshot(held, message);
      case "job_update":
        return held && !held.isDeaf && this.#update(held, message);
      case "skip":
        return held && !held.isDeaf && this.#skip(held, message);
      case "event":
        if (!held || held.isDeaf || !isAfter(message.cursor, held.cursor)) return;
        held.cursor = message.cursor;
        return this.#on.onEvent?.(message.data, message.context_id);
      default: // A type of a later version.
    }
  }

  #authenticated() {
    this.#refusals = 0;
    if (this.#state === "open") return; // The answer to a refresh.
    this.counts.connects += 1;
    this.#enter("open");
    this.#timers.steady = setTimeout(() => (this.#failures = 0), this.#times.steady);
    this.#subscribe([...this.#contexts.keys()]);
  }

  #subscribe(contexts) {
    for (let start = 0; start < contexts.length; start += PER_MESSAGE) {
      const wishes = contexts.slice(start, start + PER_MESSAGE).map((context) => {
        const cursor = this.#contexts.get(context)?.cursor;
        return cursor ? { context_id: context, cursor } : { context_id: context };
      });
      this.#send({ type: "subscribe", id: this.#next(), contexts: wishes });
    }
  }

  async #refresh() {
    const generation = this.#generation;
    try {
      const token = await this.#token();
      if (generation !== this.#generation) return;
      this.counts.refreshes += 1;
      this.#send({ type: "auth", id: this.#next(), token });
    } catch (error) {
      // The connection ends with the old token, and the next one asks again.
      this.#on.onError?.({ code: "NO_TOKEN", message: String(error), retryable: true });
    }
  }

  #refused(error, held) {
    if (error.action === "drop_subscription") {
      this.#contexts.delete(error.context_id);
    } else if (held && error.retryable && error.action === "resubscribe") {
      const wait = this.#times.firstRetry * (1 + this.#random());
      const [generation, context] = [this.#generation, error.context_id];
      setTimeout(() => generation === this.#generation && this.#subscribe([context]), wait);
    }
    this.#on.onError?.(error, error.context_id);
  }

  // Jobs

  #snapshot(held, message) {
    held.pages ??= new Map();
    for (const job of message.jobs) held.pages.set(job.job_id, job);
    if (!message.last) return;
    this.counts.snapshots += 1;
    const fresh = held.pages;
    held.pages = null;
    held.gap = null;
    const before = held.jobs;
    held.jobs = fresh;
    for (const [id, job] of before) {
      const now = fresh.get(id);
      // What another node has told us already may be ahead of this one's snapshot.
      if (now && now.seq < job.seq) fresh.set(id, job);
      if (now) continue;
      if (message.truncated) fresh.set(id, job);
      else this.#on.onRemove?.(id, message.context_id);
    }
    held.cursor = message.cursor;
    for (const [id, job] of fresh) {
      if (job.seq !== before.get(id)?.seq || job.status !== before.get(id)?.status) {
        this.#on.onJob?.(job, message.context_id, message);
      }
    }
  }

  #update(held, message) {
    const event = message.data;
    const known = held.jobs.get(event.job_id);
    const isProgress = event.type === "job.progress.updated";
    // A status is the next one; progress belongs to the status that is known.
    const expected = known && known.seq + (isProgress ? 0 : 1);
    if (known && event.seq > expected) return this.#heal(held, message.context_id, event.job_id);
    if (!known || event.seq === expected) {
      const { event_id, type, position, prev_position, ...facts } = event;
      const job = { ...known, ...facts };
      held.jobs.set(job.job_id, job);
      if (held.gap === job.job_id) held.gap = null;
      held.cursor = message.cursor;
      return this.#on.onJob?.(job, message.context_id, message);
    }
    held.cursor = message.cursor; // A repetition.
  }

  /** Something is missing that nobody announced: asks for it, and for everything when that did not help. */
  #heal(held, context, jobID) {
    this.counts.gaps += 1;
    if (held.gap !== null) held.cursor = null;
    held.gap = jobID;
    held.isDeaf = true; // Until the answer: what comes meanwhile comes again.
    this.#subscribe([context]);
  }

  #skip(held, message) {
    const known = held.jobs.get(message.job_id);
    if (known && message.from > known.seq + 1) return this.#heal(held, message.context_id, message.job_id);
    this.counts.skips += 1;
    // The update that follows tells how the job stands.
    if (known && known.seq < message.to) held.jobs.set(message.job_id, { ...known, seq: message.to });
  }
}

/** Whether a cursor is after another: of another history, or further in this one. */
function isAfter(cursor, last) {
  if (!last) return true;
  const [epoch, transaction, row] = cursor.split(".");
  const [lastEpoch, lastTransaction, lastRow] = last.split(".");
  if (epoch !== lastEpoch || transaction === undefined) return true;
  const step = BigInt(transaction) - BigInt(lastTransaction);
  return step > 0n || (step === 0n && BigInt(row) > BigInt(lastRow));
}

/** What the reason of a close asks us to wait. */
function retryAfter(reason) {
  try {
    return JSON.parse(reason).retry_ms ?? 0;
  } catch {
    return 0;
  }
}

/** The part of the browsers' WebSocket that we use, for versions of node without one. */
async function nodeWebSocket() {
  const [http, https, crypto] = await Promise.all([
    import("node:http"),
    import("node:https"),
    import("node:crypto"),
  ]);
  return class {
    readyState = 0;
    #request;
    #stream;
    #held = Buffer.alloc(0);
    #parts = [];
    #close = { code: 1006, reason: "" };

    constructor(url, protocol) {
      const key = crypto.randomBytes(16).toString("base64");
      const request = (this.#request = (url.startsWith("wss:") ? https : http).request(url.replace(/^ws/, "http"), {
        headers: {
          Connection: "Upgrade",
          Upgrade: "websocket",
          "Sec-WebSocket-Version": "13",
          "Sec-WebSocket-Key": key,
          "Sec-WebSocket-Protocol": protocol,
        },
      }));
      request.on("upgrade", (response, stream, head) => {
        const accept = crypto.createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
        if (response.headers["sec-websocket-accept"] !== accept) return stream.destroy();
        this.#stream = stream;
        this.readyState = 1;
        stream.setNoDelay(true);
        stream.on("data", (bytes) => this.#read(bytes));
        stream.on("error", () => {});
        stream.on("close", () => this.#ended());
        this.onopen?.();
        if (head.length > 0) this.#read(head);
      });
      request.on("response", (response) => {
        response.resume();
        this.#ended();
      });
      request.on("error", () => this.#ended());
      request.end();
    }

    #ended() {
      if (this.readyState === 3) return;
      this.readyState = 3;
      this.onclose?.(this.#close);
    }

    #read(bytes) {
      this.#held = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes;
      while (this.#held.length >= 2) {
        const held = this.#held;
        let [length, start] = [held[1] & 0x7f, 2];
        if (length === 126) [length, start] = [held.length >= 4 ? held.readUInt16BE(2) : Infinity, 4];
        else if (length === 127) [length, start] = [held.length >= 10 ? Number(held.readBigUInt64BE(2)) : Infinity, 10];
        if (held.length < start + length) return;
        this.#held = held.subarray(start + length);
        this.#frame(held[0] & 0x0f, (held[0] & 0x80) !== 0, held.subarray(start, start + length));
      }
    }

    #frame(kind, isLast, payload) {
      if (kind === 8) {
        if (payload.length >= 2) this.#close = { code: payload.readUInt16BE(0), reason: payload.toString("utf8", 2) };
        if (this.readyState === 1) this.#write(8, payload.subarray(0, 2));
        this.readyState = Math.max(this.readyState, 2);
        this.#stream.end();
      } else if (kind === 9) {
        this.#write(10, payload);
      } else if (kind <= 2) {
        this.#parts.push(payload);
        if (!isLast) return;
        const whole = Buffer.concat(this.#parts);
        this.#parts = [];
        this.onmessage?.({ data: whole.toString("utf8") });
      }
    }

    #write(kind, payload) {
      const mask = crypto.randomBytes(4);
      const length = payload.length;
      const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
      head[0] = 0x80 | kind;
      head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
      if (head.length === 4) head.writeUInt16BE(length, 2);
      if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
      const masked = Buffer.from(payload);
      for (let index = 0; index < length; index += 1) masked[index] ^= mask[index & 3];
      this.#stream.write(Buffer.concat([head, mask, masked]));
    }

    send(text) {
      this.#write(1, Buffer.from(text));
    }

    close(code = 1000) {
      if (this.readyState === 1) {
        const payload = Buffer.alloc(2);
        payload.writeUInt16BE(code);
        this.#write(8, payload);
        this.readyState = 2;
        setTimeout(() => this.#stream.destroy(), 1000).unref();
      } else if (this.readyState === 0) {
        this.#request.destroy();
      }
    }

    terminate() {
      this.#stream?.destroy();
      this.#request.destroy();
    }
  };
}
