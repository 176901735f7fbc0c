import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock, systemRandom } from "@quorate/runtime/system-clock";
import pino, { type Logger } from "pino";
import { collectDefaultMetrics, Registry } from "prom-client";
import { controlPublicKey, newControlKey } from "./adapters/control-tls.ts";
import { SystemHttp } from "./adapters/http.ts";
import { LightClientChain } from "./adapters/light-client-chain.ts";
import { GrpcNodeControl } from "./adapters/node-control.ts";
import { openTransport } from "./adapters/transport.ts";
import { type Config, parseCommandLine, UsageError } from "./config.ts";
import { Listener } from "./listener/listener.ts";
import { createOperator } from "./operator.ts";

/** A stop that takes longer is cut short: the lease runs out by itself. */
const STOP_MS = 5_000;

/** Runs until SIGTERM or SIGINT; then the lease is given back. */
async function run(config: Config, log: Logger): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      log.info({ signal }, "stopping");
      stop.abort(new Error(signal));
      pause(STOP_MS, undefined, { ref: false }).then(
        () => process.exit(0),
        () => undefined,
      );
    });
  }
  const transport = await openTransport(config.inCluster);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const http = new SystemHttp();
  const chain = new LightClientChain(systemClock);
  const { podName, podNamespace, watchNamespace } = config;
  const operator = createOperator({
    transport,
    clock: systemClock,
    random: systemRandom,
    chain,
    control: {
      create: newControlKey,
      publicKey: controlPublicKey,
      open: (pem) => new GrpcNodeControl(pem),
    },
    http,
    log,
    registry,
    identity: `${podName}_${randomBytes(8).toString("hex")}`,
    podName,
    namespace: podNamespace,
    apiHost: transport.host,
    ...(watchNamespace === undefined ? {} : { watchNamespace }),
  });
  const views = {
    registry,
    unready: () => operator.unready(),
    targets: (key: { readonly namespace: string; readonly name: string }) => operator.targets(key),
  };
  const listener = await Listener.start(views, config.listen);
  const { host } = config.listen;
  log.info({ listen: `${host}:${listener.port}`, namespace: podNamespace }, "operator started");
  try {
    await operator.run(stop.signal);
  } finally {
    await listener.close();
    chain.close();
    http.close();
    transport.close();
  }
}

async function main(): Promise<number> {
  let config: Config;
  try {
    const write = (text: string) => void process.stdout.write(text);
    const parsed = parseCommandLine(process.argv.slice(2), process.env, write);
    if (parsed.kind === "printed") return 0;
    config = parsed.config;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  const log = pino({ level: config.logLevel }, pino.destination({ sync: true }));
  try {
    await run(config, log);
    log.info("stopped");
    return 0;
  } catch (error) {
    log.error({ err: error }, "fatal: the operator ends, Kubernetes starts it again");
    return 1;
  }
}

process.exit(await main());
