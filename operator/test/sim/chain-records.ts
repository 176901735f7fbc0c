import { asciiBytes } from "@quorate/node/kernel/bytes";
import type { Transaction } from "@quorate/node/ledger/types";
import type { ChainView } from "../../src/observe/observation.ts";

export const PROOF = "simulated proof against ";

export interface SpareEntry {
  readonly key: string;
  readonly networkKey: string;
  readonly owner: string;
  readonly address: string;
  readonly order: number;
  readonly endorsed: boolean;
  attested: number;
}

export interface Receipt {
  readonly code: string;
  readonly height: number;
}

export interface Pending {
  readonly bytes: Uint8Array;
  readonly by: string;
  readonly done: (receipt: Receipt) => void;
}

export type ChainSight = Omit<ChainView, "sinceProgressMs"> & { readonly checkpoint: string };

export type Kind<K extends Transaction["kind"]> = Extract<Transaction, { kind: K }>;

/** The bytes of a proof that nodes hold and the light client has verified. */
export function proofBytes(accused: string): Uint8Array {
  return asciiBytes(`${PROOF}${accused}`);
}
