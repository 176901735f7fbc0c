import type { QuorateClient } from "@quorate/client/client";
import { InputError } from "@quorate/client/errors";
import type { ProofRequest } from "@quorate/client/prove";
import type { TrustPeriod } from "@quorate/light-client/light-client";
import { parseTrustedHeader, type TrustedHeader } from "@quorate/light-client/trusted-header";
import { genesisHash, genesisSet, parseGenesis } from "@quorate/node/ledger/genesis";
import { Command } from "commander";
import { type VerifyOptions, verifyFile, verifyOnline } from "./commands/verify.ts";
import { type GivenOptions, genesisFileOf, networkConfig } from "./config.ts";
import { EXIT } from "./exit-codes.ts";
import { example, leaf, type Run, show } from "./program-parts.ts";
import { parseCounter, parseHex32 } from "./quantities.ts";

type Given = GivenOptions &
  VerifyOptions & { readonly trusted?: string; readonly trustDays?: string };

/** Two thirds of the 21 days in which stake unbonds: keys that signed can still lose it. */
const TRUST_DAYS_DEFAULT = 14;
const TRUST_DAYS_MAX = 3_650;
const DAY_MS = 86_400_000;

function trustPeriodOf(run: Run, { trustDays }: Given): TrustPeriod {
  const days =
    trustDays === undefined ? TRUST_DAYS_DEFAULT : parseCounter(trustDays, "--trust-days");
  if (days < 1 || days > TRUST_DAYS_MAX) {
    const fix = `give a number of days from 1 to ${TRUST_DAYS_MAX}`;
    throw new InputError({ code: "ARGUMENT_MALFORMED", field: "--trust-days", fix });
  }
  return { ms: days * DAY_MS, now: run.ports.nowMs };
}

async function trustedOf(run: Run, { trusted }: Given): Promise<TrustedHeader | undefined> {
  if (trusted === undefined) return undefined;
  const parsed = parseTrustedHeader(await run.ports.readText(trusted, "--trusted"));
  if (parsed.ok) return parsed.value;
  const { code, field, fix } = parsed.error;
  throw new InputError({ code, field: `--trusted ${field}`, fix });
}

/** Where nothing newer is given, the genesis file is what is trusted. */
async function genesisHeader(run: Run, given: Given): Promise<TrustedHeader> {
  const file = genesisFileOf(given, run.ports.environment);
  const bytes = new TextEncoder().encode(await run.ports.readText(file, "--genesis"));
  const parsed = parseGenesis(bytes);
  if (!parsed.ok) throw new InputError(parsed.error);
  const { genesisTimeMs: timestampMs } = parsed.value;
  return { chainId: genesisHash(bytes), set: genesisSet(parsed.value), height: 0, timestampMs };
}

function verifyLeaf(parent: Command, name: string, description: string): Command {
  return leaf(parent, name, description)
    .option("--genesis <file>", "the network's genesis file")
    .option("--trusted <file>", "start from this header, as --next wrote it (default: genesis)")
    .option("--trust-days <n>", `refuse an older start (default ${TRUST_DAYS_DEFAULT})`)
    .option("--next <file>", "write the header to start from next time");
}

/** The commands that end in a proof which its reader can check alone. */
export function addVerify(program: Command, run: Run, isJson: boolean): void {
  const verify = program
    .command("verify")
    .description("prove from a trusted header, ask every node for another story, save the proof")
    .exitOverride();
  addOnline(verify, run, isJson, "head", () => ({ kind: "head" }));
  addOnline(verify, run, isJson, "account <key>", (key) => {
    return { kind: "account", account: parseHex32(key, "KEY") };
  });
  addOnline(verify, run, isJson, "receipt <id>", (id) => {
    return { kind: "receipt", transaction: parseHex32(id, "ID") };
  });
  addOnline(verify, run, isJson, "state <leaf>", (key) => ({ kind: "state", key: leafName(key) }));
  example(
    verifyLeaf(verify, "file <proof>", "a saved proof, without a connection"),
    "quorate verify file proof.json --trusted header.json",
  ).action(async (name: string, given: Given) => {
    const text = await run.ports.readText(name, "PROOF");
    const trusted = (await trustedOf(run, given)) ?? (await genesisHeader(run, given));
    const input = { name, text, trusted, trustPeriod: trustPeriodOf(run, given) };
    show(run, isJson, await verifyFile(input, given, run.ports));
  });
}

function leafName(key: string): string {
  if (/^[\x20-\x7e]{1,512}$/.test(key)) return key;
  const fix = "name a leaf of node/spec/encoding.md, such as chain or seat/KEY";
  throw new InputError({ code: "ARGUMENT_MALFORMED", field: "LEAF", fix });
}

const ABOUT: Readonly<Record<ProofRequest["kind"], string>> = {
  head: "the newest certified result",
  account: "an account, or that there is none",
  receipt: "what became of a transaction",
  state: "any leaf of the state, or that there is none",
};

function addOnline(
  verify: Command,
  run: Run,
  isJson: boolean,
  name: string,
  request: (argument: string) => ProofRequest,
): void {
  const [kind = "head"] = name.split(" ");
  const sample = name
    .replace("<key>", "3009...")
    .replace("<id>", "5e12...")
    .replace("<leaf>", "set");
  const command = verifyLeaf(verify, name, ABOUT[kind as ProofRequest["kind"]])
    .option(
      "--endpoint <host:port...>",
      "query listener of a node; give several: each is a witness",
    )
    .option("--timeout <ms>", "give up after this long (default 20000)")
    .option("--save <file>", "write the proof, for `verify file`")
    .option("--no-report", "do not submit the proofs against members that signed two results");
  example(command, `quorate verify ${sample} --save proof.json`).action(
    async (...given: unknown[]) => {
      const called = given.at(-1);
      if (!(called instanceof Command)) throw new Error("commander calls with its command last");
      const options = called.opts<Given>();
      const asked = request(called.args[0] ?? "");
      const client = await connected(run, options);
      try {
        const output = await verifyOnline(client, asked, options, run.ports);
        show(run, isJson, output);
        if (output.document.attack !== null) run.exitCode = EXIT.UNPROVEN;
      } finally {
        client.close();
      }
    },
  );
}

async function connected(run: Run, options: Given): Promise<QuorateClient> {
  const { genesisFile, endpoints, timeoutMs } = networkConfig(options, run.ports.environment);
  const trusted = await trustedOf(run, options);
  return run.ports.connect({
    genesis: { file: genesisFile },
    endpoints,
    timeouts: { totalMs: timeoutMs },
    trustPeriod: trustPeriodOf(run, options),
    ...(trusted !== undefined && { trusted }),
  });
}
