import { setTimeout as pause } from "node:timers/promises";
import type { AccountKey } from "@quorate/client/account-key";
import { Bundle } from "@quorate/client/bundle";
import { connect, type QuorateClient } from "@quorate/client/client";
import { ChainRefusalError, ClosedError, QuorateError } from "@quorate/client/errors";
import { clockNonces } from "@quorate/client/nonces";
import { idOf } from "../stranger/blocks.ts";

/** What a client has under a certificate that it verified: the chain must keep it for ever. */
interface Acknowledged {
  readonly height: number;
  readonly code: string;
}

const NONCES_APART_MS = 20;
const CHECKS_AT_ONCE = 16;

/** Accounts that send one bundle after another; it remembers every answer proven to them. */
export class ClientLoad {
  readonly #client: QuorateClient;
  readonly #stopping = new AbortController();
  readonly #acknowledged = new Map<string, Acknowledged>();
  readonly #failures = new Map<string, number>();
  #running: Promise<unknown> = Promise.resolve();

  constructor(client: QuorateClient) {
    this.#client = client;
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Codes of what nobody answered in time, with how often. */
  get failures(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#failures);
  }

  start(accounts: readonly AccountKey[]): void {
    this.#running = Promise.all(accounts.map((account, at) => this.#send(account, at)));
    this.#running.catch(() => this.#stopping.abort());
  }

  /** Throws what ended the load before its time. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** An order that stands, and its cancellation, in turn: state that no replay gets for free. */
  async #send(account: AccountKey, at: number): Promise<void> {
    const { chainId, genesis } = this.#client;
    const { bundleActionsMax: actionsMax } = genesis.parameters.margin;
    const options = { chainId, account, nonces: clockNonces(), actionsMax };
    const { signal } = this.#stopping;
    for (let number = 0; !signal.aborted; number += 1) {
      const bundle = new Bundle(options);
      const clientId = Math.floor(number / 2);
      if (number % 2 === 0) {
        const side = at % 2 === 0 ? "buy" : "sell";
        bundle.place({ market: 0, clientId, side, size: 1n, price: 100_000n });
      } else {
        bundle.cancel({ market: 0, clientId });
      }
      const { bytes, id } = bundle.sign();
      await this.#submit(bytes, id);
      await pause(NONCES_APART_MS);
    }
  }

  async #submit(bytes: Uint8Array, transaction: string): Promise<void> {
    try {
      const { height, receipt } = await this.#client.submit(bytes);
      this.#acknowledged.set(transaction, { height, code: receipt.code });
    } catch (error) {
      if (error instanceof ClosedError) return;
      if (!(error instanceof QuorateError)) throw error;
      if (error instanceof ChainRefusalError) {
        this.#acknowledged.set(transaction, { height: error.height, code: error.code });
      } else {
        this.#failures.set(error.code, (this.#failures.get(error.code) ?? 0) + 1);
      }
    }
  }

  /** Asks the network anew for everything that was ever acknowledged. */
  async lost(genesisFile: string, endpoints: readonly string[]): Promise<string[]> {
    const client = await connect({ genesis: { file: genesisFile }, endpoints });
    const violations: string[] = [];
    const queue = [...this.#acknowledged];
    const work = async (): Promise<void> => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
        const problem = await compare(client, ...next);
        if (problem !== undefined) violations.push(problem);
      }
    };
    try {
      await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, work));
    } finally {
      client.close();
    }
    return violations;
  }
}

async function compare(
  client: QuorateClient,
  transaction: string,
  { height, code }: Acknowledged,
): Promise<string | undefined> {
  const name = `transaction ${transaction.slice(0, 12)}, acknowledged at ${height} with ${code},`;
  try {
    const found = await client.transaction(transaction);
    if (found.height === height && found.receipt.code === code) return undefined;
    return `${name} is at ${found.height} with ${found.receipt.code}`;
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error;
    const isOld = error.code === "TRANSACTION_UNKNOWN";
    if (isOld && (await stands(client, transaction, height))) return undefined;
    return `${name} is lost: ${error.code}`;
  }
}

/** Nodes that started from a later snapshot know its receipt no more, but hold the block. */
async function stands(client: QuorateClient, transaction: string, height: number) {
  for await (const { batches } of client.blocks(height, height)) {
    const all = batches.flatMap(({ transactions }) => transactions);
    if (all.some((bytes) => idOf(bytes) === transaction)) return true;
  }
  return false;
}
