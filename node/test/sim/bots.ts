import type { Digest, Millis, PublicKey } from "../../src/kernel/scalars.ts";
import {
  encodeTransaction,
  revokeSessionSigningBytes,
  sessionBundleSigningBytes,
  sessionSigningBytes,
  transactionId,
} from "../../src/ledger/transaction.ts";
import type { SessionScope, Transaction } from "../../src/ledger/types.ts";
import type { MarginAction } from "../../src/margin/types.ts";
import { ACCOUNTS, accountKey, START_MS } from "./birth.ts";
import type { Random } from "./random.ts";
import type { Clients } from "./scenario.ts";
import type { Workload } from "./workload.ts";
import type { World } from "./world.ts";

/** Bots use the newest ones: among them some that ended, or never were. */
const SESSIONS_IN_USE = 4;
const RESENT_MAX = 40;

const WIDEST: SessionScope = {
  ...{ place: true, cancel: true, markets: [] },
  ...{ orderLotsMax: 0n, orderNotionalMax: 0n },
};

interface Bot {
  readonly session: Digest;
  readonly account: PublicKey;
  readonly key: PublicKey;
}

type Kind = "session" | "session-bundle" | "revoke-session";

/** Programs that trade under session keys: also after the end, beyond the scope, and twice. */
class Bots {
  readonly #world: World;
  readonly #clients: Clients;
  readonly #workload: Workload;
  readonly #random: Random;
  readonly #bots: Bot[] = [];
  readonly #sent: Uint8Array[] = [];
  #nonce = 0;

  constructor(world: World, clients: Clients, workload: Workload, random: Random) {
    this.#world = world;
    this.#clients = clients;
    this.#workload = workload;
    this.#random = random;
  }

  act(): void {
    const bot = this.#random.pick(this.#bots.slice(-SESSIONS_IN_USE));
    const roll = this.#random.next();
    if (bot === undefined || roll < 0.2) this.#open();
    else if (roll < 0.65) this.#use(bot, bot.key, "use");
    else if (roll < 0.7) this.#use(bot, this.#world.keyring.key("stranger"), "stranger's use");
    else if (roll < 0.82) this.#revoke(bot);
    else this.#submit("sent again", this.#random.pick(this.#sent));
  }

  #open(): void {
    const { keyring, birth, now } = this.#world;
    const random = this.#random;
    const account = accountKey(keyring, random.integer(0, ACCOUNTS - 1));
    const key = keyring.key(`bot${this.#bots.length}`);
    const expiresMs: Millis = START_MS + Math.floor(now) + random.integer(2_000, 20_000);
    const terms = { nonce: this.#workload.nonce(), key, expiresMs, scope: this.#scope() };
    const fields = { kind: "session", account, ...terms } as const;
    const signature = keyring.sign(account, sessionSigningBytes(birth.chainId, fields));
    const session = this.#send("open", { ...fields, signature }, account);
    this.#bots.push({ session, account, key });
  }

  #use({ session, account }: Bot, signer: PublicKey, what: string): void {
    const { keyring, birth } = this.#world;
    this.#nonce += 1;
    const actions = Array.from({ length: this.#random.integer(1, 3) }, () => this.#action());
    const kind = "session-bundle";
    const fields = { kind, account, session, nonce: this.#nonce, actions } as const;
    const signature = keyring.sign(signer, sessionBundleSigningBytes(birth.chainId, fields));
    this.#send(what, { ...fields, signature }, signer);
  }

  #revoke({ session, account, key }: Bot): void {
    const { keyring, birth } = this.#world;
    const by = this.#random.pick(["account", "session"] as const);
    const own = by === "account" ? account : key;
    const signer = this.#random.chance(0.2) ? keyring.key("stranger") : own;
    const fields = { kind: "revoke-session", account, session, by } as const;
    const signature = keyring.sign(signer, revokeSessionSigningBytes(birth.chainId, fields));
    this.#send("revoke", { ...fields, signature }, signer);
  }

  #scope(): SessionScope {
    const random = this.#random;
    if (random.chance(0.5)) return WIDEST;
    const [place, cancel] = random.pick([
      [true, true],
      [true, true],
      [true, false],
      [false, true],
    ] as const);
    return {
      ...{ place, cancel, markets: random.pick([[], [], [0], [1]]) },
      orderLotsMax: random.pick([0n, 0n, 20n]),
      orderNotionalMax: random.pick([0n, 0n, 500_000_000n]),
    };
  }

  #action(): MarginAction {
    const random = this.#random;
    const roll = random.next();
    if (roll < 0.1) return { kind: "cancel-all" };
    if (roll < 0.25) {
      const quotes = (["buy", "sell"] as const).map((side, at) => {
        const price =
          100_000n + BigInt(at === 0 ? -random.integer(1, 400) : random.integer(1, 400));
        const clientId = random.integer(1, 500) * 2 + at;
        return { clientId, side, size: BigInt(random.integer(1, 40)), price };
      });
      return { kind: "quote", market: 0, quotes };
    }
    return this.#workload.action();
  }

  #send(
    what: string,
    transaction: Extract<Transaction, { kind: Kind }>,
    signer: PublicKey,
  ): Digest {
    const bytes = encodeTransaction(transaction);
    const id = transactionId(bytes);
    this.#world.checker.sessions.sent(id, { transaction, signer });
    this.#sent.push(bytes);
    if (this.#sent.length > RESENT_MAX) this.#sent.shift();
    this.#submit(what, bytes);
    return id;
  }

  #submit(what: string, bytes: Uint8Array): void {
    const { counts, plan } = this.#world;
    counts.add(`session: ${what}`);
    this.#clients.submit(bytes, this.#random.integer(0, plan.members - 1));
  }
}

/** Bots trade until shortly before the end, all the time that faults strike. */
export function addBots(world: World, clients: Clients, workload: Workload, random: Random): void {
  const bots = new Bots(world, clients, workload, random);
  const act = (): void => {
    bots.act();
    const next = world.now + random.integer(100, 1_500);
    if (next < world.plan.endMs - 5_000) world.at(next, act);
  };
  world.at(1_200, act);
}
