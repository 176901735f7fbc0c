import { fork } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { Network } from "../network/network.ts";
import { type Baseline, measureBaseline } from "./baseline.ts";
import { benchGenesis } from "./bench-genesis.ts";
import type { ClientRun, FromClient, ToClient } from "./client-protocol.ts";
import type { Pace } from "./load-generator.ts";
import type { ConsensusOptions } from "./options.ts";
import { type SpanUsage, UsageSampler } from "./usage-sampler.ts";

const CLIENT_PROGRAM = fileURLToPath(new URL("client-process.ts", import.meta.url));
const VALIDATORS = 4;
const DRAIN_MS = 20_000;

export interface RunFigures extends ClientRun {
  readonly pace: Pace;
  readonly bytes: number;
  readonly seconds: number;
  /** Name of the validator that was killed, if one was. */
  readonly killed?: string;
  readonly committedPerSecond: number;
  /** Processor time of all validators for one committed transaction, microseconds. */
  readonly nodesCpuUsPerTransaction: number;
  readonly clientCpuUsPerTransaction: number;
  /** The validators' processor time for one transaction, in Ed25519 verifications of this run. */
  readonly nodesVerificationsPerTransaction: number;
  readonly nodes: SpanUsage["processes"];
  readonly client: SpanUsage["processes"][number];
  /** Processor time that everything else on the machine took, percent of one processor. */
  readonly othersCpuPercent: number;
  /** Just before the run. */
  readonly baseline: Baseline;
}

export interface ConsensusFigures {
  readonly machine: {
    readonly processors: number;
    readonly model: string;
    readonly node: string;
  };
  readonly validators: number;
  readonly runs: readonly RunFigures[];
}

interface RunPlan {
  readonly pace: Pace;
  readonly bytes: number;
  readonly kill: boolean;
}

function plansOf({ rates, inFlight, bytes, killRate }: ConsensusOptions): readonly RunPlan[] {
  const paces: Pace[] = [
    ...rates.map((rate) => ({ kind: "open", rate }) as const),
    ...inFlight.map((count) => ({ kind: "closed", inFlight: count }) as const),
  ];
  const plans = bytes.flatMap((length) =>
    paces.map((pace) => ({ pace, bytes: length, kill: false })),
  );
  if (killRate === undefined) return plans;
  const pace = { kind: "open", rate: killRate } as const;
  return [...plans, { pace, bytes: bytes[0] ?? 256, kill: true }];
}

/** Starts a network in `folder`, makes all runs on it, stops it. */
export async function runConsensusBench(
  options: ConsensusOptions,
  folder: string,
  onRun: (run: RunFigures) => void,
): Promise<ConsensusFigures> {
  const startMs = Date.now();
  const network = await Network.start({
    folder,
    validators: VALIDATORS,
    spares: 0,
    genesis: (born) =>
      benchGenesis(born, { genesisTimeMs: startMs, valueBytesMax: Math.max(...options.bytes) }),
  });
  const client = new ClientProcess();
  try {
    await client.ask({
      kind: "connect",
      genesisFile: network.genesisFile,
      endpoints: network.endpoints,
    });
    const runs: RunFigures[] = [];
    for (const plan of plansOf(options)) {
      const run = await makeRun({ plan, options, network, client });
      onRun(run);
      runs.push(run);
    }
    const [processor] = cpus();
    const machine = { processors: cpus().length, model: processor?.model ?? "unknown" };
    return { machine: { ...machine, node: process.version }, validators: VALIDATORS, runs };
  } finally {
    client.stop();
    await network.stop();
  }
}

interface Making {
  readonly plan: RunPlan;
  readonly options: ConsensusOptions;
  readonly network: Network;
  readonly client: ClientProcess;
}

async function makeRun({ plan, options, network, client }: Making): Promise<RunFigures> {
  const { pace, bytes, kill } = plan;
  const { seconds, warmupSeconds, keys } = options;
  const baseline = measureBaseline(network.folder);
  const victim = kill ? network.validators.at(-1) : undefined;
  const watched = [
    ...network.validators.map(({ place, process: { pid } }) => ({ name: place.name, pid })),
    { name: "client", pid: client.pid },
  ].flatMap(({ name, pid }) => (pid === undefined ? [] : [{ name, pid }]));
  let sampler: UsageSampler | undefined;
  let usage: SpanUsage | undefined;
  let killing: NodeJS.Timeout | undefined;
  const load = { pace, warmupMs: warmupSeconds * 1_000, measureMs: seconds * 1_000 };
  const run = await client.ask(
    { kind: "run", plan: { ...load, drainMs: DRAIN_MS }, bytes, keys },
    (edge) => {
      if (edge === "end") {
        usage = sampler?.end();
        return;
      }
      sampler = new UsageSampler(watched);
      // Never awaited: a process that is gone for good has nothing to wait for.
      killing = setTimeout(() => void victim?.process.remove(), (seconds * 1_000) / 3);
    },
  );
  clearTimeout(killing);
  if (run === undefined || usage === undefined) throw new Error("the client made no run");
  const killed = victim === undefined ? {} : { killed: victim.place.name };
  return { pace, bytes, seconds, ...killed, ...run, ...costs(run, usage, { seconds, baseline }) };
}

function costs(
  run: ClientRun,
  usage: SpanUsage,
  { seconds, baseline }: { readonly seconds: number; readonly baseline: Baseline },
) {
  const client = usage.processes.find(({ name }) => name === "client");
  if (client === undefined) throw new Error("the client is watched");
  const nodes = usage.processes.filter((each) => each !== client);
  const nodesMs = nodes.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  const each = (cpuMs: number): number =>
    run.committed === 0 ? 0 : Math.round((cpuMs * 1_000) / run.committed);
  const nodesUs = each(nodesMs);
  return {
    committedPerSecond: Math.round((run.committed * 10) / seconds) / 10,
    nodesCpuUsPerTransaction: nodesUs,
    clientCpuUsPerTransaction: each(client.cpuMs),
    nodesVerificationsPerTransaction: Math.round((nodesUs * 10) / baseline.verifyUs) / 10,
    nodes,
    client,
    othersCpuPercent: usage.othersPercent,
    baseline,
  };
}

/** The client's process, asked one thing after the other. */
class ClientProcess {
  readonly #child = fork(CLIENT_PROGRAM, { stdio: ["ignore", "ignore", "inherit", "ipc"] });

  get pid(): number | undefined {
    return this.#child.pid;
  }

  ask(
    message: ToClient,
    onEdge: (edge: "begin" | "end") => void = () => undefined,
  ): Promise<ClientRun | undefined> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error("the client's process ended"));
      const finish = (run: ClientRun | undefined): void => {
        this.#child.off("exit", ended);
        this.#child.off("message", hear);
        resolve(run);
      };
      const hear = (answer: FromClient): void => {
        if (answer.kind === "edge") onEdge(answer.edge);
        else finish(answer.kind === "result" ? answer.run : undefined);
      };
      this.#child.on("message", hear);
      this.#child.once("exit", ended);
      this.#child.send(message);
    });
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }
}
