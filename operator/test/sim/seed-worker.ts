import { parentPort } from "node:worker_threads";
import { runSeed, type SeedRun } from "./run-seed.ts";

const port = parentPort;
if (port === null) throw new Error("seed-worker.ts runs as a worker thread of main.ts");
port.on("message", (run: SeedRun) => {
  void runSeed(run).then((outcome) => port.postMessage(outcome));
});
