// Watches a context with the JavaScript client, over a network that breaks at random, until it knows the last job.
//   node live_client.mjs URL CONTEXT FILE-WITH-THE-LAST-JOB
import { existsSync, readFileSync } from "node:fs";
import { Live } from "../../../clients/javascript/martlet.js";

const [url, context, file] = process.argv.slice(2);
const faults = [];
let tokens = 0;
let told = 0;
const seen = new Map();
const live = new Live(url, () => `a.${++tokens}`, {
  times: { firstRetry: 20, longestRetry: 200 },
  onJob(job, _, message) {
    told += 1;
    const before = seen.get(job.job_id) ?? 0;
    if (job.seq < before) faults.push(`${job.job_id} went back from ${before} to ${job.seq}`);
    if (message.type === "job_update" && before > 0 && job.seq > before + 1) {
      faults.push(`${job.job_id} jumped from ${before} to ${job.seq}`);
    }
    seen.set(job.job_id, job.seq);
  },
  onRemove: (id) => faults.push(`${id} was removed`),
  onError: (error) => faults.push(`${error.code}: ${error.message}`),
});
live.watch(context);
// One break in five comes whatever has come; the others wait for something, or a slow service would never get further.
const breaking = () => setTimeout(() => {
  if (told > 0 || Math.random() < 0.2) {
    live.interrupt();
    told = 0;
  }
  breaking();
}, 30 + Math.random() * 400);
breaking();
const looking = setInterval(() => {
  if (!existsSync(file) || !live.jobs(context).has(readFileSync(file, "utf8"))) return;
  clearInterval(looking);
  const jobs = [...live.jobs(context).values()].map((job) => `${job.job_id} ${job.seq} ${job.status}`).sort();
  live.close();
  process.stdout.write(JSON.stringify({ jobs, faults, ...live.counts }) + "\n", () => process.exit(0));
}, 20);
