import type { PublicKey } from "../../src/kernel/scalars.ts";
import type { SignedStatement, Statement } from "../../src/kernel/statements.ts";
import {
  absenceDigest,
  approveSwapSigningBytes,
  bundleSigningBytes,
  misconductProof,
  returnSigningBytes,
} from "../../src/ledger/transaction.ts";
import type { Transaction } from "../../src/ledger/types.ts";
import type { MarginAction } from "../../src/margin/types.ts";
import type { Random } from "../margin/random.ts";
import { type BlockOptions, keyOf, sign, type TestChain } from "./test-chain.ts";

export const OWNERS = ["a", "b", "c", "d"];
const SPARES = Array.from({ length: 24 }, (_, index) => `spare${index}`);
export const TRADERS = ["rich", "one", "two", "three", "four", "five"].map((name) =>
  keyOf(`account ${name}`),
);

/**
 * Blocks that reach every part of the ledger: silent members, spares, swaps of all causes, proofs,
 * approvals, gaps, and accounts that trade at the edge of their margin on a price that jumps.
 */
export class RandomLedger {
  readonly #random: Random;
  #price = 1_000n;
  #outage = 0;
  #silent: PublicKey | undefined;
  #areSparesFit = true;
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(chain: TestChain): BlockOptions {
    const random = this.#random;
    if (random.chance(0.02)) {
      this.#silent = random.chance(0.5) ? random.pick(chain.keys) : undefined;
    }
    if (random.chance(0.03)) this.#outage = random.between(1, 40);
    this.#outage = Math.max(0, this.#outage - 1);
    const ppm = BigInt(random.chance(0.1) ? random.between(-90_000, 90_000) : 0);
    this.#price += (this.#price * ppm) / 1_000_000n;
    if (this.#price < 100n) this.#price = 1_000n;
    const silent = this.#silent === undefined ? [] : [this.#silent];
    if (random.chance(0.02)) this.#areSparesFit = random.chance(0.5);
    const beats =
      chain.state.height > 0 && this.#areSparesFit ? [...chain.state.spares.keys()] : [];
    const count = random.chance(0.3) ? random.between(1, 3) : 0;
    const doings = Array.from({ length: count }, () => this.#doing(chain));
    if (this.#silent !== undefined && random.chance(0.3)) {
      doings.push(chain.silenceRecord(this.#silent));
    }
    return {
      spanMs: random.chance(0.015) ? random.between(5_500, 9_000) : random.between(50, 700),
      voters: chain.without(...silent),
      signsOfLife: [...beats, ...silent.filter(() => random.chance(0.05))].map((key) =>
        chain.heartbeat(key),
      ),
      transactions: [...this.#reports(chain), ...doings, ...this.#trades(chain)],
    };
  }

  #reports(chain: TestChain): Transaction[] {
    if (this.#outage > 0) return [];
    const { epoch } = chain.state.set;
    const slot = Math.floor((chain.state.timestampMs - chain.genesis.genesisTimeMs) / 1_000);
    return chain.keys
      .filter(() => this.#random.chance(0.8))
      .map((key) => {
        const noise = BigInt(this.#random.between(-1, 1));
        const price = this.#price + noise;
        const report = { kind: "oracle-report", epoch, market: 0, slot, price } as const;
        return { kind: "oracle-report", report: chain.signed(key, report) };
      });
  }

  #trades(chain: TestChain): Transaction[] {
    const count = this.#random.between(0, 3);
    return Array.from({ length: count }, () => {
      if (this.#random.chance(0.1)) return this.#faucet();
      const account = this.#random.pick(TRADERS);
      const actions = [this.#action(chain, account)];
      const nonce = this.#nonce();
      const fields = { kind: "bundle" as const, account, nonce, actions };
      const signature = sign(account, bundleSigningBytes(chain.chainId, fields));
      return { ...fields, signature };
    });
  }

  #nonce(): number {
    this.#count += this.#random.between(0, 2);
    return this.#random.chance(0.05) ? this.#random.between(0, 50) : this.#count;
  }

  #faucet(): Transaction {
    const account = this.#random.pick(TRADERS);
    const amount = BigInt(this.#random.between(1, 400_000));
    return { kind: "faucet", account, amount, nonce: this.#nonce() };
  }

  #action(chain: TestChain, account: PublicKey): MarginAction {
    const random = this.#random;
    const orders = chain.state.margin.accounts.get(account)?.orders ?? [];
    if (orders.length > 0 && random.chance(0.2)) {
      const { market, clientId } = random.pick(orders);
      return { kind: "cancel", market, clientId };
    }
    if (random.chance(0.1)) return { kind: "withdraw", amount: BigInt(random.between(1, 9_000)) };
    const order = {
      ...{ clientId: this.#nextCount(), side: random.pick(["buy", "sell"] as const) },
      size: BigInt(random.between(1, 60)),
      price: this.#price + BigInt(random.between(-15, 15)),
    };
    const timeInForce = random.pick(["gtc", "gtc", "ioc", "post-only"] as const);
    const reduceOnly = random.chance(0.1);
    const terms = { kind: "place", market: 0, ...order, reduceOnly } as const;
    const selfTrade = "decrement";
    // Not drawn, so that everything else of a history stays as it was.
    switch (order.clientId % 23) {
      case 0:
        return { kind: "cancel-all" };
      case 1:
        return { kind: "quote", market: 0, quotes: [order] };
      case 2:
        return { ...terms, timeInForce: "fok", selfTrade, untilMs: 0 };
      case 3:
        return {
          ...terms,
          timeInForce: "gtt",
          selfTrade,
          untilMs: chain.state.timestampMs + 9_000,
        };
      default:
        return { ...terms, timeInForce, selfTrade: "cancel-maker", untilMs: 0 };
    }
  }

  #nextCount(): number {
    this.#count += 1;
    return this.#count;
  }

  /** Something about seats; often refused, which is a receipt too. */
  #doing(chain: TestChain): Transaction {
    const random = this.#random;
    const owner = random.pick(OWNERS);
    const member = random.pick(chain.keys);
    switch (random.between(0, 9)) {
      case 0:
      case 1:
      case 2: {
        const bond = BigInt(random.between(95, 120));
        const registration = chain.registration(random.pick(SPARES), owner, bond);
        return chain.register(registration, random.chance(0.3) ? { owner: "none" } : {});
      }
      case 3:
        return random.chance(0.3)
          ? this.#proof(chain)
          : chain.silenceRecord(this.#silent ?? member);
      case 4:
      case 5:
        return chain.silenceRecord(this.#silent ?? member);
      case 6: {
        const seat = chain.state.seats.get(member);
        return chain.ownerRotation(member, seat?.owner ?? keyOf(`owner ${owner}`), this.#nonce());
      }
      case 7:
        return this.#return(chain, owner);
      case 8: {
        const accused = random.pick([...chain.state.condemned.keys(), member]);
        const signer = keyOf(`owner ${owner}`);
        const signature = sign(signer, approveSwapSigningBytes(chain.chainId, accused));
        return { kind: "approve-swap", member: accused, signer, signature };
      }
      default: {
        const untilMs = chain.state.clockMs + random.between(100, 4_000);
        const subject = absenceDigest(chain.chainId, untilMs);
        const nonce = this.#nonce();
        const endorsement = chain.signed(member, { kind: "endorsement", nonce, subject });
        return { kind: "absence", untilMs, endorsement };
      }
    }
  }

  #return(chain: TestChain, owner: string): Transaction {
    const jailed = [...chain.state.jailed.values()];
    const entry = jailed.length === 0 ? undefined : this.#random.pick(jailed);
    const key = entry?.key ?? this.#random.pick(chain.keys);
    const back = { kind: "return-spare" as const, key, nonce: this.#nonce() };
    const signer = entry?.owner ?? keyOf(`owner ${owner}`);
    return { ...back, signature: sign(signer, returnSigningBytes(chain.chainId, back)) };
  }

  /** Of this epoch or the last, or two reports: then the reports' author is jailed (E9). */
  #proof(chain: TestChain): Transaction {
    const random = this.#random;
    const epoch = Math.max(1, chain.state.set.epoch - random.between(0, 3));
    const accused = random.pick(random.chance(0.8) ? chain.keys : SPARES.map(keyOf));
    const index = random.between(1, 9);
    const pair = random.chance(0.5)
      ? [5n, 6n].map((price): Statement => {
          return { kind: "oracle-report", epoch, market: 0, slot: index, price };
        })
      : ["11", "22"].map((byte): Statement => {
          return { kind: "vote", epoch, round: index, blockId: byte.repeat(32), qcRound: 0 };
        });
    const [first, second] = pair.map((statement) => chain.signed(accused, statement));
    return misconductProof(chain.chainId, first as SignedStatement, second as SignedStatement);
  }
}
