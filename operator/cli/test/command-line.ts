import { AccountKey } from "@quorate/client/account-key";
import { connect } from "@quorate/client/client";
import { InputError } from "@quorate/client/errors";
import { TransportError } from "@quorate/runtime/transport";
import { testSeed } from "../../../node/client/test/fake-chain.ts";
import type { TestNetwork } from "../../../node/client/test/network.ts";
import type { Environment } from "../src/config.ts";
import type { Ports } from "../src/ports.ts";
import { runCli } from "../src/program.ts";
import { type FakeApi, FakeLocalCluster } from "./fake-api.ts";
import { loggedDecisions } from "./logged-decisions.ts";

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An account that the test genesis gives money. */
export const account = AccountKey.fromSeed(Buffer.from(testSeed("account")).toString("hex"));

/** A key that `quorate session open` makes a session's. */
export const sessionKey = AccountKey.fromSeed(Buffer.from(testSeed("session")).toString("hex"));

/** The command line over a fake network, with files and environment that exist in memory. */
export class CommandLine {
  readonly files = new Map<string, string>([
    ["alice.pem", account.toPem()],
    ["session.pem", sessionKey.toPem()],
    ["owner-a.pem", account.toPem()],
    ["operator.log", loggedDecisions()],
  ]);
  environment: Environment;
  nowMs = 1_700_000_000_000;
  readonly localCluster = new FakeLocalCluster();
  programName = "quorate";
  readonly progress: string[] = [];
  readonly #network: TestNetwork;
  readonly #api: FakeApi | undefined;

  constructor(network: TestNetwork, api?: FakeApi) {
    this.#network = network;
    this.files.set("genesis.json", new TextDecoder().decode(network.chain.genesisBytes));
    this.#api = api;
    if (api !== undefined) {
      this.nowMs = api.nowMs;
      this.files.set("owner.pem", api.owner.toPem());
    }
    this.environment = {
      HOME: "/home/alice",
      QUORATE_GENESIS: "genesis.json",
      QUORATE_ENDPOINTS: network.endpoints.join(", "),
      QUORATE_KEY: "alice.pem",
    };
  }

  async run(...args: readonly string[]): Promise<Ran> {
    const written = { stdout: "", stderr: "" };
    this.nowMs += 100;
    const readText = async (file: string, field: string) => {
      const text = this.files.get(file);
      if (text !== undefined) return text;
      throw new InputError({ code: "FILE_UNREADABLE", field, fix: `${file} cannot be read` });
    };
    const ports: Ports = {
      programName: this.programName,
      environment: this.environment,
      connect: (options) => connect({ ...options, genesis: this.#network.chain.genesisBytes }),
      readText,
      readSecret: readText,
      writeText: async (file, text) => {
        this.files.set(file, text);
      },
      writeSecret: async (file, text) => {
        this.files.set(file, text);
      },
      nowMs: () => this.nowMs,
      clock: {
        now: () => this.nowMs,
        monotonic: () => this.nowMs,
        sleep: async (ms) => {
          this.nowMs += ms;
        },
      },
      openCluster: async () => {
        if (this.#api === undefined) throw new TransportError("no API server in this test");
        return this.#api.open();
      },
      localCluster: this.localCluster,
      interrupted: () => new AbortController().signal,
      progress: (text) => void this.progress.push(text),
      stdout: (text) => {
        written.stdout += text;
      },
      stderr: (text) => {
        written.stderr += text;
      },
    };
    return { exitCode: await runCli(args, ports), ...written };
  }
}
