import { isIPv6 } from "node:net";
import { parseArgs } from "node:util";
import { z } from "zod";
import { isAscii, isIpPort } from "./address.ts";
import { DEFAULT_DOOR } from "./door/door.ts";

const hostPort = z
  .string()
  .refine(isIpPort, "write host:port, for example 127.0.0.1:7001 (port 0 takes a free one)");
const hexKey = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "write an Ed25519 public key as 64 lower-case hex characters");
const digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "write a SHA-256 digest as 64 lower-case hex characters");
const path = z.string().min(1, "write a path");
const count = z.int().nonnegative();

const price = z.strictObject({
  /** Index of the market in genesis. */
  market: count.max(1023),
  kind: z.literal("replay", "the only price source of this version is replay"),
  /** CSV with the columns Date,Open,High,Low,Close. */
  file: path,
  /** Unix time at which the first tick is in force. */
  startMs: count,
  /** Time that one tick is in force. */
  tickMs: count.positive(),
  seed: count,
  /** Largest deviation from the series, either way, parts per million. */
  noisePpm: count.max(1_000_000),
  /** How much later than others this source sees a tick. */
  delayMs: count,
  /** Ticks during which the source is silent. */
  outages: z.array(z.strictObject({ fromTick: count, toTick: count })).readonly(),
});

const least = (minimum: number) => z.int().min(minimum, `write ${minimum} or more`);

/** Bounds of what clients may take of this node. */
const clients = z
  .strictObject({
    waitingMax: least(16).default(DEFAULT_DOOR.waitingMax),
    waitingBytesMax: least(1_048_576).default(DEFAULT_DOOR.waitingBytesMax),
    waitMsMax: least(100).default(DEFAULT_DOOR.waitMsMax),
    refusedPerSecond: least(1).default(DEFAULT_DOOR.refusedPerSecond),
    queriesPerSecond: least(10).default(DEFAULT_DOOR.queriesPerSecond),
    openCallsMax: least(1).default(DEFAULT_DOOR.openCallsMax),
  })
  .prefault({});

const schema = z.strictObject({
  dataDir: path,
  genesisFile: path,
  /** The one chain that this node may join; any genesis of another hash is refused. */
  genesisHash: z
    .string()
    .regex(
      /^[0-9a-f]{64}$/,
      "write the SHA-256 of the genesis file as 64 lower-case hex characters",
    )
    .optional(),
  /** Weak subjectivity: a set that was verified out of band; another one is never followed. */
  checkpoint: z.strictObject({ epoch: count.positive(), setHash: digest }).optional(),
  listen: z.strictObject({
    peers: hostPort,
    control: hostPort,
    query: hostPort,
    metrics: hostPort,
  }),
  /** host:port under which peers reach the peer listener. */
  advertise: hostPort.refine(isAscii, "write printable ASCII"),
  controlClientKey: hexKey,
  clients,
  bootstrap: z.array(z.strictObject({ networkKey: hexKey, address: hostPort })).default([]),
  prices: z.array(price).default([]),
  logLevel: z.enum(["error", "warn", "info", "debug"]).default("info"),
});

export type Config = z.infer<typeof schema>;
export type PriceConfig = Config["prices"][number];

/** What is wrong with the command line or the configuration; the process ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

function fieldName(parts: readonly PropertyKey[]): string {
  let name = "";
  for (const part of parts) {
    if (typeof part === "number") name += `[${part}]`;
    else name += name === "" ? String(part) : `.${String(part)}`;
  }
  return name === "" ? "config" : name;
}

function problemOf(issue: z.core.$ZodIssue): string {
  const field = fieldName(issue.path);
  if (issue.code === "unrecognized_keys") {
    return `${field}: unknown field ${issue.keys.join(", ")}; see node/docs/node.md`;
  }
  if (issue.code === "invalid_type") return `${field}: write a value of type ${issue.expected}`;
  return `${field}: ${issue.message}`;
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Puts the environment's values in for every `${NAME}`. A pod learns its address only when it runs;
 * an IPv6 address gets its brackets here, because one template serves both families.
 */
function expand(template: string, field: string, env: Environment): string {
  return template.replaceAll(/(\[?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, bracket, name) => {
    const value = env[name] ?? "";
    if (value === "") {
      throw new UsageError(
        `${field}: the environment variable ${name} is not set; set it, or write the address itself`,
      );
    }
    return bracket === "" && isIPv6(value) ? `[${value}]` : `${bracket}${value}`;
  });
}

/** Only `listen.*` refers to the environment: everything else is the same wherever a node runs. */
function withEnvironment(json: unknown, env: Environment): unknown {
  if (typeof json !== "object" || json === null || !("listen" in json)) return json;
  const { listen } = json;
  if (typeof listen !== "object" || listen === null || Array.isArray(listen)) return json;
  const expanded = Object.entries(listen).map(([name, value]) => [
    name,
    typeof value === "string" ? expand(value, `listen.${name}`, env) : value,
  ]);
  return { ...json, listen: Object.fromEntries(expanded) };
}

function parseJson(text: string, file: string, env: Environment): unknown {
  try {
    return withEnvironment(JSON.parse(text), env);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof UsageError) throw new UsageError(`${file}: ${problem}`, { cause });
    throw new UsageError(`${file}: is no JSON: ${problem}`, { cause });
  }
}

/** Parses and freezes a configuration. Throws UsageError, one line for each wrong field. */
export function parseConfig(text: string, file: string, env: Environment = process.env): Config {
  const json = parseJson(text, file, env);
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${file}: ${problemOf(issue)}`);
    throw new UsageError(lines.join("\n"));
  }
  const { data } = parsed;
  for (const [index, { outages }] of data.prices.entries()) {
    const at = outages.findIndex(({ fromTick, toTick }) => fromTick > toTick);
    if (at !== -1) {
      const field = `prices[${index}].outages[${at}].toTick`;
      throw new UsageError(`${file}: ${field}: write a tick that is not before fromTick`);
    }
  }
  return freeze(data);
}

export const USAGE = `Usage: node node/src/main.ts --config FILE

Runs one validator or spare of a Quorate chain.

  --config FILE  configuration as JSON (fields: node/docs/node.md)
  --help         print this text
  --version      print the version

Exit codes: 0 stopped on request, 1 fatal error, 2 wrong command line or configuration.
`;

export type Command =
  | { readonly kind: "run"; readonly configFile: string }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

/** Throws UsageError. */
export function parseCommandLine(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help === true) return { kind: "help" };
  if (values.version === true) return { kind: "version" };
  const [extra] = positionals;
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"; see --help`);
  if (values.config === undefined) throw new UsageError("--config: name the file; see --help");
  return { kind: "run", configFile: values.config };
}

function parse(args: readonly string[]): {
  values: { config?: string; help?: boolean; version?: boolean };
  positionals: string[];
} {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: "string" },
        help: { type: "boolean" },
        version: { type: "boolean" },
      },
    });
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${problem}; see --help`, { cause });
  }
}

/** Standard OpenTelemetry variables that ask for traces. */
export function tracingWanted(): boolean {
  const { env } = process;
  if (env["OTEL_SDK_DISABLED"] === "true") return false;
  const names = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
  if (names.some((name) => (env[name] ?? "") !== "")) return true;
  return ["otlp", "console"].includes(env["OTEL_TRACES_EXPORTER"] ?? "");
}

export function tracingServiceName(): string {
  return process.env["OTEL_SERVICE_NAME"] ?? "quorate-node";
}
