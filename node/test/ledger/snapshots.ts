import { defined } from "../../src/kernel/assert.ts";
import type { LedgerLoader } from "../../src/ledger/ledger-loader.ts";
import { describeSnapshot, encodeChunk, openLedgerLoader } from "../../src/ledger/snapshot.ts";
import type { SnapshotManifest } from "../../src/ledger/snapshot-manifest.ts";
import type { LedgerState } from "../../src/ledger/state.ts";
import type { TestChain } from "./test-chain.ts";

export interface Snapshot {
  readonly manifest: SnapshotManifest;
  readonly chunks: readonly Uint8Array[];
}

/** Small chunks, so that a small state has many. */
export function snapshotOf(state: LedgerState, chunkBytes = 1_500): Snapshot {
  const manifest = describeSnapshot(state, chunkBytes);
  const chunks = manifest.chunks.map((_, index) => encodeChunk(state, manifest, index));
  return { manifest, chunks };
}

export function loaderOf(chain: TestChain, { manifest }: Snapshot): LedgerLoader {
  const { result } = defined(chain.last, "an executed block");
  return openLedgerLoader({
    genesis: chain.genesis,
    chainId: chain.chainId,
    manifest,
    certified: result,
    block: { round: defined(chain.state.marks.at(-1), "a mark").round },
    protocols: chain.protocols,
  });
}

/** The chain's state, gone through a snapshot: nothing is left of it but bytes. */
export function reload(chain: TestChain, chunkBytes?: number): LedgerState {
  const snapshot = snapshotOf(chain.state, chunkBytes);
  const loader = loaderOf(chain, snapshot);
  // Last chunk first: no order is asked for.
  for (const [index, bytes] of [...snapshot.chunks.entries()].reverse()) {
    const added = loader.add(index, bytes);
    if (!added.ok) throw new Error(`chunk ${index}: ${JSON.stringify(added.error)}`);
  }
  const state = loader.finish();
  if (!state.ok) throw new Error(JSON.stringify(state.error));
  return state.value;
}
