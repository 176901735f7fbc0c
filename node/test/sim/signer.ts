import type { Effect } from "../../src/consensus/effects.ts";
import { equalBytes } from "../../src/kernel/bytes.ts";
import type { Digest } from "../../src/kernel/scalars.ts";
import { signingBytes } from "../../src/kernel/statements.ts";
import type { ReplicaInput } from "../../src/replica/types.ts";
import type { ConductChecker } from "./conduct-checker.ts";
import type { Counts } from "./counts.ts";
import { journalIndex, syncChain } from "./disk.ts";
import type { RunChecker } from "./run-checker.ts";
import type { Keyring } from "./schemes.ts";
import { createSignatureChecker } from "./signature-checker.ts";
import type { SimNode } from "./sim-node.ts";

type Sign = Extract<Effect, { readonly kind: "sign" }>;

interface Options {
  readonly chainId: Digest;
  readonly keyring: Keyring;
  readonly run: RunChecker;
  readonly conduct: ConductChecker | undefined;
  /** Unix ms on a node's own clock. */
  readonly localTime: (node: SimNode) => number;
  readonly counts: Counts;
  /** See `WorldOptions.splits`. */
  readonly splits: boolean;
}

/** Signs for every node through the journal on its disk; what honest keys sign is checked. */
export class Signer {
  readonly #chainId: Digest;
  readonly #keyring: Keyring;
  readonly #run: RunChecker;
  readonly #conduct: ConductChecker | undefined;
  readonly #localTime: (node: SimNode) => number;
  readonly #counts: Counts;
  readonly #splits: boolean;
  readonly #signatures;

  constructor({ chainId, keyring, run, conduct, localTime, counts, splits }: Options) {
    this.#chainId = chainId;
    this.#keyring = keyring;
    this.#run = run;
    this.#conduct = conduct;
    this.#localTime = localTime;
    this.#counts = counts;
    this.#splits = splits;
    this.#signatures = createSignatureChecker();
  }

  sign(node: SimNode, { statement, safety }: Sign): ReplicaInput {
    syncChain(node.disk);
    const index = journalIndex(statement);
    const known = node.disk.journal.get(index);
    const message = signingBytes(this.#chainId, statement);
    if (this.#splits && known !== undefined) {
      const before = signingBytes(this.#chainId, known.statement);
      if (!equalBytes(before, message)) {
        this.#counts.add(`signature refused: ${statement.kind}`);
        return { kind: "refused", statement };
      }
    }
    if (node.honest) {
      this.#signatures.check(node.key, statement, message);
      this.#run.heartbeat(node.key, statement);
      this.#conduct?.signing(node, statement, this.#localTime(node));
    }
    const signature = this.#keyring.sign(node.key, message);
    if (known === undefined) {
      node.disk.journal.set(index, { statement, author: node.key, signature, safety });
    }
    return { kind: "signed", signed: { statement, author: node.key, signature } };
  }
}
