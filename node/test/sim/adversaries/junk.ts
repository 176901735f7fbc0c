import type { PublicKey } from "../../../src/kernel/scalars.ts";
import type { SignedStatement } from "../../../src/kernel/statements.ts";
import type { LedgerState } from "../../../src/ledger/state.ts";
import {
  absenceDigest,
  bundleSigningBytes,
  encodeTransaction,
  misconductProof,
  ownerRotationSigningBytes,
  returnSigningBytes,
} from "../../../src/ledger/transaction.ts";
import type { Transaction } from "../../../src/ledger/types.ts";
import { ACCOUNTS, accountKey, registrationWith } from "../birth.ts";
import type { Random } from "../random.ts";
import type { Keyring } from "../schemes.ts";
import { createForge, type Forge } from "./forge.ts";

/** What a forger of transactions looks at. */
export interface JunkSource {
  readonly ledger: LedgerState;
  readonly keyring: Keyring;
  readonly random: Random;
  /** Any key that it can sign with. */
  readonly key: PublicKey;
}

type Make = (source: JunkSource & { readonly forge: Forge; readonly member: PublicKey }) => Junk;
type Junk = Transaction | Uint8Array | undefined;

const FORGED = new Uint8Array(64).fill(5);

function fakeReport(
  { ledger, forge, random }: JunkSource & { readonly forge: Forge },
  fields: Readonly<Record<string, unknown>>,
): Transaction {
  const { genesisTimeMs, parameters } = ledger.genesis;
  const slot = Math.floor((ledger.timestampMs - genesisTimeMs) / parameters.margin.oracleSlotMs);
  const price = BigInt(random.integer(90_000, 110_000));
  const base = { kind: "oracle-report", epoch: ledger.set.epoch, market: 0, slot, price } as const;
  return { kind: "oracle-report", report: forge.sign({ ...base, ...fields } as typeof base) };
}

function pairOf(member: PublicKey, forge: Forge, round: number): readonly SignedStatement[] {
  return ["11", "22"].map((byte) => {
    const blockId = byte.repeat(32);
    const { statement, signature } = forge.sign({ kind: "order-vote", epoch: 1, round, blockId });
    return { statement, signature, author: member };
  });
}

function proof(
  ledger: LedgerState,
  [first, second]: readonly SignedStatement[],
  chainId = ledger.chainId,
): Junk {
  if (first === undefined || second === undefined) return undefined;
  return { ...misconductProof(ledger.chainId, first, second), chainId };
}

/** Each is refused by another arm of the ledger. */
const MAKERS: Readonly<Record<string, Make>> = {
  noise: ({ random }) => Uint8Array.from({ length: 40 }, () => random.integer(0, 255)),
  "bundle cut off": ({ keyring, ledger }) => {
    const account = accountKey(keyring, 0);
    const fields = { kind: "bundle", account, nonce: 1, actions: [] } as const;
    const signature = keyring.sign(account, bundleSigningBytes(ledger.chainId, fields));
    return encodeTransaction({ ...fields, signature }).slice(0, -5);
  },
  "bundle empty": ({ keyring }) => {
    const account = accountKey(keyring, 0);
    return { kind: "bundle", account, nonce: 900, actions: [], signature: FORGED };
  },
  "bundle forged": ({ keyring, random }) => {
    const account = accountKey(keyring, random.integer(0, ACCOUNTS - 1));
    const actions = [{ kind: "withdraw", amount: 5n }] as const;
    return { kind: "bundle", account, nonce: 901, actions, signature: FORGED };
  },
  "bundle of nobody": ({ member }) => {
    const actions = [{ kind: "withdraw", amount: 5n }] as const;
    return { kind: "bundle", account: member, nonce: 1, actions, signature: FORGED };
  },
  "silence of the living": ({ ledger, member }) => {
    return { kind: "silence-record", member, setHash: ledger.setHash };
  },
  "silence under another set": ({ ledger, member }) => {
    return { kind: "silence-record", member, setHash: ledger.chainId };
  },
  "silence of a stranger": ({ ledger }) => {
    return { kind: "silence-record", member: ledger.chainId, setHash: ledger.setHash };
  },
  "proof forged": ({ ledger, member, forge, random }) => {
    return proof(ledger, pairOf(member, forge, random.integer(1, 50)));
  },
  "proof of nothing": ({ ledger, forge }) => {
    const [first] = pairOf(forge.key, forge, 3);
    return first && { kind: "misconduct-proof", chainId: ledger.chainId, first, second: first };
  },
  "proof of a stranger": ({ ledger, forge }) => {
    return proof(ledger, pairOf(ledger.chainId, forge, 3));
  },
  "proof of another chain": ({ ledger, member, forge }) => {
    return proof(ledger, pairOf(member, forge, 3), ledger.setHash);
  },
  "proof the wrong way round": ({ ledger, member, forge }) => {
    const made = proof(ledger, pairOf(member, forge, 3));
    if (made === undefined || made instanceof Uint8Array) return undefined;
    if (made.kind !== "misconduct-proof") return undefined;
    return { ...made, first: made.second, second: made.first };
  },
  "rotation by a thief": ({ ledger, member, keyring }) => {
    const rotation = { kind: "owner-rotation", member, setHash: ledger.setHash, nonce: 7 } as const;
    const thief = keyring.key("owner0/sponsor");
    const message = ownerRotationSigningBytes(ledger.chainId, rotation);
    return { ...rotation, signature: keyring.sign(thief, message) };
  },
  "return of the free": ({ ledger, member, keyring }) => {
    const back = { kind: "return-spare", key: member, nonce: 8 } as const;
    const owner = keyring.key("owner0");
    const message = returnSigningBytes(ledger.chainId, back);
    return { ...back, signature: keyring.sign(owner, message) };
  },
  "return by a thief": ({ ledger }) => {
    const [key] = ledger.jailed.keys();
    return key === undefined
      ? undefined
      : { kind: "return-spare", key, nonce: 9, signature: FORGED };
  },
  "absence forged": ({ ledger, member, forge }) => {
    const untilMs = ledger.timestampMs + 2_000;
    const subject = absenceDigest(ledger.chainId, untilMs);
    const { statement, signature } = forge.sign({ kind: "endorsement", nonce: 2, subject });
    return { kind: "absence", untilMs, endorsement: { statement, signature, author: member } };
  },
  "absence of a stranger": ({ ledger, forge }) => {
    const untilMs = ledger.timestampMs + 2_000;
    const { statement, signature } = forge.sign({
      kind: "endorsement",
      nonce: 2,
      subject: ledger.chainId,
    });
    return {
      kind: "absence",
      untilMs,
      endorsement: { statement, signature, author: ledger.chainId },
    };
  },
  "approval of nothing": ({ member, keyring }) => {
    return { kind: "approve-swap", member, signer: keyring.key("owner0"), signature: FORGED };
  },
  "registration known": ({ ledger, keyring, member }) => {
    return registrationWith(keyring, ledger.chainId, { label: "junk", key: member });
  },
  "registration poor": ({ ledger, keyring }) => {
    return registrationWith(keyring, ledger.chainId, { label: "junk", bond: 1n });
  },
  "registration rich": ({ ledger, keyring }) => {
    return registrationWith(keyring, ledger.chainId, { label: "junk", bond: 10n ** 12n });
  },
  "registration placeless": ({ ledger, keyring }) => {
    return registrationWith(keyring, ledger.chainId, { label: "junk", address: "nowhere" });
  },
  "registration unowned": ({ ledger, keyring }) => {
    const owner = ledger.chainId;
    return registrationWith(keyring, ledger.chainId, { label: "junk", owner });
  },
  "registration unpaid": ({ ledger, keyring, random }) => {
    const made = registrationWith(keyring, ledger.chainId, { label: `junk${random.next()}` });
    if (made.kind !== "register-spare") return undefined;
    const field = random.pick(["networkSignature", "sponsorSignature", "ownerSignature"] as const);
    return { ...made, [field]: FORGED };
  },
  "registration unpossessed": ({ ledger, keyring, random, forge }) => {
    const made = registrationWith(keyring, ledger.chainId, { label: `junk${random.next()}` });
    if (made.kind !== "register-spare") return undefined;
    const possession = forge.sign({ kind: "endorsement", nonce: 1, subject: ledger.chainId });
    return { ...made, possession };
  },
  "report of another epoch": (source) => fakeReport(source, { epoch: source.ledger.set.epoch + 1 }),
  "report of another market": (source) => fakeReport(source, { market: 9 }),
  "report of nothing": (source) => fakeReport(source, { price: 0n }),
  "report ahead": (source) => fakeReport(source, { slot: 1_000_000 }),
  "report again": (source) => fakeReport(source, { slot: 0 }),
  "deposit forged": ({ keyring }) => {
    const account = accountKey(keyring, 1);
    return { kind: "custodian-deposit", account, amount: 5n, nonce: 1, signatures: [] };
  },
  "deposit of nothing": ({ keyring, random }) => {
    const nonce = random.integer(1, 1_000_000);
    return { kind: "faucet", account: accountKey(keyring, 1), amount: 0n, nonce };
  },
};

export const JUNK_KINDS: readonly string[] = Object.keys(MAKERS);

/** One transaction that the ledger should refuse; the name of what is wrong with it. */
export function makeJunk(source: JunkSource): {
  readonly name: string;
  readonly bytes: Uint8Array;
} {
  const { random, keyring, ledger, key } = source;
  const name = random.pick(JUNK_KINDS);
  const member = random.pick(ledger.set.members).key;
  const forge = createForge(keyring, ledger.chainId, key);
  const made = MAKERS[name]?.({ ...source, forge, member });
  if (made === undefined) return { name: "noise", bytes: Uint8Array.of(9, 9) };
  return { name, bytes: made instanceof Uint8Array ? made : encodeTransaction(made) };
}
