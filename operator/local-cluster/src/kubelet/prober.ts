import { get, type IncomingMessage } from "node:http";
import { get as getTls } from "node:https";
import { connect } from "node:net";
import type { Container, Probe } from "../controllers/api-types.ts";
import { launchCommand } from "../supervisor/launch.ts";
import { signalGroup } from "../supervisor/process-identity.ts";

export interface ProbeResult {
  readonly ok: boolean;
  /** In a kubelet's words, for the event. */
  readonly message: string;
}

export interface ProbeTarget {
  readonly podIp: string;
  readonly container: Container;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export type RunProbe = (
  probe: Probe,
  target: ProbeTarget,
  timeoutMs: number,
) => Promise<ProbeResult>;

const OUTPUT_MAX = 1024;
const OK: ProbeResult = { ok: true, message: "" };

/** Asks once; never rejects. */
export const runProbe: RunProbe = (probe, target, timeoutMs) => {
  if (probe.httpGet !== undefined) return httpProbe(probe.httpGet, target, timeoutMs);
  if (probe.tcpSocket !== undefined) return tcpProbe(probe.tcpSocket, target, timeoutMs);
  if (probe.exec !== undefined) return execProbe(probe.exec.command ?? [], target, timeoutMs);
  return Promise.resolve({ ok: false, message: "missing probe handler (grpc is not supported)" });
};

/** A named port of the container, or the number itself. */
export function portNumber(port: unknown, container: Container): number | undefined {
  if (typeof port === "number") return port;
  if (typeof port === "string" && /^\d+$/.test(port)) return Number(port);
  return container.ports?.find(({ name }) => name === port)?.containerPort;
}

type HttpGet = NonNullable<Probe["httpGet"]>;

function httpProbe(action: HttpGet, target: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  const port = portNumber(action.port, target.container);
  if (port === undefined) return unknownPort(action.port);
  const tls = action.scheme === "HTTPS";
  const headers = Object.fromEntries(
    (action.httpHeaders ?? []).map(({ name, value }) => [name, value]),
  );
  const options = {
    host: action.host ?? target.podIp,
    port,
    path: action.path ?? "/",
    headers: { "User-Agent": "kube-probe/1.32", Accept: "*/*", ...headers },
    // One connection for each question: a kept one would hide a listener that is gone.
    agent: false as const,
  };
  return new Promise((resolve) => {
    const onAnswer = (response: IncomingMessage) => {
      const code = response.statusCode ?? 0;
      const message = `HTTP probe failed with statuscode: ${code}`;
      settle(code >= 200 && code < 400 ? OK : { ok: false, message });
      // The body is nobody's business: an endless one would hold its socket for ever.
      response.destroy();
      request.destroy();
    };
    const request = tls
      ? getTls({ ...options, rejectUnauthorized: false }, onAnswer)
      : get(options, onAnswer);
    const settle = once(resolve, () => request.destroy(), timeoutMs, urlOf(options, tls));
    request.on("error", (error) => {
      settle({ ok: false, message: `Get "${urlOf(options, tls)}": ${error.message}` });
    });
  });
}

function urlOf(at: { host: string; port: number; path: string }, tls: boolean): string {
  return `${tls ? "https" : "http"}://${at.host}:${at.port}${at.path}`;
}

/** Settles once, by an answer or by the time limit. */
function once(
  resolve: (result: ProbeResult) => void,
  giveUp: () => void,
  timeoutMs: number,
  what: string,
): (result: ProbeResult) => void {
  let settled = false;
  const settle = (result: ProbeResult) => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    resolve(result);
  };
  const timer = setTimeout(() => {
    const message = `${what}: context deadline exceeded (no answer in ${timeoutMs} ms)`;
    settle({ ok: false, message });
    giveUp();
  }, timeoutMs);
  return settle;
}

function tcpProbe(
  action: NonNullable<Probe["tcpSocket"]>,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeResult> {
  const port = portNumber(action.port, target.container);
  if (port === undefined) return unknownPort(action.port);
  const host = action.host ?? target.podIp;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = once(resolve, () => socket.destroy(), timeoutMs, `dial tcp ${host}:${port}`);
    socket.on("connect", () => {
      settle(OK);
      socket.destroy();
    });
    socket.on("error", (error) => {
      settle({ ok: false, message: `dial tcp ${host}:${port}: ${error.message}` });
    });
  });
}

function execProbe(
  command: readonly string[],
  target: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const argv = command[0] === "node" ? [process.execPath, ...command.slice(1)] : command;
    const { cwd, env } = target;
    const child = launchCommand({ argv, cwd, env: { ...env }, output: "pipe" });
    const kill = () => {
      if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
    };
    const settle = once(resolve, kill, timeoutMs, `command ${JSON.stringify(command)}`);
    let output = "";
    const collect = (chunk: Buffer) => {
      if (output.length < OUTPUT_MAX) output += chunk.toString();
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.on("error", (error) => settle({ ok: false, message: error.message }));
    child.on("exit", (code) => {
      settle(code === 0 ? OK : { ok: false, message: output.slice(0, OUTPUT_MAX) });
    });
  });
}

function unknownPort(port: unknown): Promise<ProbeResult> {
  const message = `couldn't find port: ${String(port)} among the container's ports`;
  return Promise.resolve({ ok: false, message });
}
