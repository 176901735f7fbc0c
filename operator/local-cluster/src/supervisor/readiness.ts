import { get } from "node:http";

export interface ReadinessProbe {
  /** host:port of the health listener. */
  readonly address: string;
  readonly timeoutMs: number;
  /** Ends the wait early, with this reason, when the process cannot become ready any more. */
  readonly aborted?: () => string | undefined;
}

const PROBE_INTERVAL_MS = 25;
const PROBE_TIMEOUT_MS = 1_000;

/** Resolves as soon as /readyz answers 200. Throws with the last answer when the time is up. */
export async function waitReady(probe: ReadinessProbe): Promise<void> {
  const deadline = performance.now() + probe.timeoutMs;
  for (;;) {
    const answer = await probeOnce(`http://${probe.address}/readyz`);
    if (answer === "200") return;
    const aborted = probe.aborted?.();
    if (aborted !== undefined) throw new Error(`${probe.address} cannot become ready: ${aborted}`);
    if (performance.now() > deadline) {
      throw new Error(`${probe.address} not ready after ${probe.timeoutMs} ms: ${answer}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL_MS));
  }
}

function probeOnce(url: string): Promise<string> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: PROBE_TIMEOUT_MS, agent: false }, (response) => {
      response.resume();
      response.on("close", () => resolve(String(response.statusCode)));
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", (error) => resolve(error.message));
  });
}
