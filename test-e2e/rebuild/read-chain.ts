import { credentials, Metadata } from "@grpc/grpc-js";
import {
  type GetEpochProofsResponse,
  type GetReceiptsResponse,
  type GetStateResponse,
  QueryServiceClient,
  type CommittedBlock as WireBlock,
} from "@quorate/proto/query/v1/query";
import {
  type Batch,
  type Block,
  epochGenesisId,
  idOf,
  scanBatch,
  scanBlock,
} from "../stranger/blocks.ts";
import {
  certificateFromWire,
  checkCertificate,
  checkEpochProof,
} from "../stranger/certificates.ts";
import type { GenesisFile } from "../stranger/genesis.ts";
import { Scanner } from "../stranger/layout.ts";
import { trustAnchor } from "../stranger/pins.ts";
import { type Reward, receiptsRoot, rewardsIn } from "../stranger/receipts.ts";
import type { ValidatorSet } from "../stranger/sets.ts";
import { isSignedBy, type Result } from "../stranger/statements.ts";
import type { CommittedBlock } from "./ledger.ts";
import type { Cause } from "./swaps.ts";

const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const DEADLINE_MS = 120_000;

/** The server's certificate must be issued by one of the keys: that is the pin (rule TLS). */
export async function connect(
  endpoint: string,
  networkKeys: readonly string[],
): Promise<QueryServiceClient> {
  const anchors = await Promise.all(networkKeys.map(trustAnchor));
  // Any of the pinned nodes may answer at this endpoint, so its name is not asked for.
  const tls = credentials.createSsl(Buffer.concat(anchors), null, null, {
    checkServerIdentity: () => undefined,
  });
  return new QueryServiceClient(endpoint, tls, {
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    // TLS wants a name, not an address (RFC 6066); which key may answer is checked by pin.
    "grpc.ssl_target_name_override": "node.quorate",
  });
}

/** How one epoch ended, verified. */
interface EpochEnd {
  readonly last: Result;
  readonly next: ValidatorSet;
  readonly cause: Cause;
}

/** The verified sets, by the height of the block that ended the epoch before. */
export async function readEpochEnds(
  client: QueryServiceClient,
  genesis: GenesisFile,
): Promise<ReadonlyMap<number, EpochEnd>> {
  const { proofs } = await new Promise<GetEpochProofsResponse>((resolve, reject) => {
    const options = { deadline: Date.now() + DEADLINE_MS };
    client.getEpochProofs({ fromEpoch: 1n }, new Metadata(), options, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
  const ends = new Map<number, EpochEnd>();
  let set = genesis.firstSet;
  for (const proof of proofs) {
    const { next, last } = checkEpochProof(genesis.chainId, set, proof);
    ends.set(last.height, { last, next, cause: await readCause(client, next.epoch, last) });
    set = next;
  }
  return ends;
}

const CAUSES = ["silence", "misconduct", "owner", "mute", "unmute", "grow", "shrink"] as const;

/**
 * The chain's record of the swap, as the node tells it; it must fit the verified end of the epoch.
 */
async function readCause(client: QueryServiceClient, epoch: number, last: Result): Promise<Cause> {
  const key = `swap/${epoch}`;
  const { value } = await new Promise<GetStateResponse>((resolve, reject) => {
    const options = { deadline: Date.now() + DEADLINE_MS };
    client.getState({ key }, new Metadata(), options, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
  const scanner = new Scanner(value, key);
  const [starts, height] = [scanner.u64(), scanner.u64()];
  const cause = CAUSES[scanner.u8()];
  const [, , proof] = [scanner.key(), scanner.key(), scanner.key()];
  if (starts !== epoch || height !== last.height || cause === undefined) {
    throw new Error(`${key} does not fit the proof of that epoch`);
  }
  return { cause, proof };
}

/** Checks that each block follows the one before, and that its batches are those of its cut. */
export class ChainCheck {
  readonly #genesis: GenesisFile;
  readonly #ends: ReadonlyMap<number, EpochEnd>;
  readonly #lanes = new Map<string, { sequence: number; digest: string }>();
  #set: ValidatorSet;
  #parent: string;
  #height = 0;

  constructor(genesis: GenesisFile, ends: ReadonlyMap<number, EpochEnd>) {
    this.#genesis = genesis;
    this.#ends = ends;
    this.#set = genesis.firstSet;
    this.#parent = epochGenesisId(genesis.chainId, 1, undefined);
  }

  take(wire: WireBlock): CommittedBlock {
    const bytes = wire.block?.block;
    if (wire.block === undefined || bytes === undefined) throw new Error("a block is missing");
    const block = scanBlock(bytes);
    const id = idOf(bytes);
    this.#checkBlock(block, id, wire.block.signature);
    const batches = this.#checkBatches(block, wire);
    if (wire.certificate !== undefined) {
      const certificate = certificateFromWire(wire.certificate);
      if (certificate.result.blockId !== id) {
        throw new Error(`the certificate of height ${block.height} is of another block`);
      }
      checkCertificate(this.#genesis.chainId, this.#set, certificate);
    }
    const next = this.#follow(block, id);
    const { epoch, height, timestampMs } = block;
    return { epoch, height, timestampMs, next, transactions: inOrder(height, batches) };
  }

  #checkBlock(block: Block, id: string, signature: Uint8Array): void {
    const { epoch, round, height, proposer, qc } = block;
    if (height !== this.#height + 1) throw new Error(`block ${height} after ${this.#height}`);
    if (epoch !== this.#set.epoch) throw new Error(`block ${height} is of epoch ${epoch}`);
    if (qc.blockId !== this.#parent) throw new Error(`block ${height} has another parent`);
    const statement = { kind: "proposal", epoch, round, blockId: id } as const;
    if (!isSignedBy(this.#genesis.chainId, { statement, author: proposer, signature })) {
      throw new Error(`block ${height} is not signed by its proposer`);
    }
  }

  #checkBatches({ height, cut }: Block, wire: WireBlock): Batch[] {
    if (cut.length !== wire.batches.length) {
      throw new Error(`block ${height} cuts ${cut.length} batches, got ${wire.batches.length}`);
    }
    return cut.map(({ author, sequence, digest }, index) => {
      const bytes = wire.batches[index]?.batch ?? new Uint8Array();
      const batch = scanBatch(bytes);
      const before = this.#lanes.get(author) ?? { sequence: 0, digest: "0".repeat(64) };
      const follows =
        idOf(bytes) === digest &&
        batch.author === author &&
        batch.sequence === sequence &&
        sequence === before.sequence + 1 &&
        batch.previous === before.digest;
      if (!follows) throw new Error(`block ${height}: batch ${index} is not the one of the cut`);
      this.#lanes.set(author, { sequence, digest });
      return batch;
    });
  }

  #follow({ height, epoch }: Block, id: string): CommittedBlock["next"] {
    this.#height = height;
    this.#parent = id;
    const end = this.#ends.get(height);
    if (end === undefined) return undefined;
    if (end.last.blockId !== id) throw new Error(`epoch ${epoch} ends with another block`);
    this.#set = end.next;
    this.#parent = epochGenesisId(this.#genesis.chainId, end.next.epoch, end.last);
    return { set: end.next, cause: end.cause };
  }
}

/** Rule FAIR: lanes by key, the first of them rotated by height, each lane in its own order. */
function inOrder(height: number, batches: readonly Batch[]): Uint8Array[] {
  const lanes = [...new Set(batches.map(({ author }) => author))].sort();
  const first = lanes.length === 0 ? 0 : height % lanes.length;
  return [...lanes.slice(first), ...lanes.slice(0, first)].flatMap((lane) =>
    batches.filter(({ author }) => author === lane).flatMap(({ transactions }) => transactions),
  );
}

/** The committed blocks from height 1 on, as the node sends them. `toHeight` 0: all there are. */
export async function* readBlocks(
  client: QueryServiceClient,
  toHeight: number,
): AsyncGenerator<WireBlock> {
  const request = { fromHeight: 1n, toHeight: BigInt(toHeight) };
  for await (const response of client.getBlocks(request)) {
    const { block } = response as { block: WireBlock | undefined };
    if (block === undefined) throw new Error("an answer has no block");
    yield block;
  }
}

/** The rewards that a block paid, proven: nodes hold the leaves of their newest blocks only. */
export async function readRewards(
  client: QueryServiceClient,
  { genesis, set, height }: { genesis: GenesisFile; set: ValidatorSet; height: number },
): Promise<readonly Reward[]> {
  const { leaves, certificate } = await new Promise<GetReceiptsResponse>((resolve, reject) => {
    const options = { deadline: Date.now() + DEADLINE_MS };
    client.getReceipts({ height: BigInt(height) }, new Metadata(), options, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
  if (certificate === undefined) throw new Error(`the rewards of height ${height} are uncertified`);
  const proven = certificateFromWire(certificate);
  checkCertificate(genesis.chainId, set, proven);
  const { result } = proven;
  if (result.height !== height || receiptsRoot(leaves) !== result.receiptsRoot) {
    throw new Error(`the leaves of height ${height} are not those that were certified`);
  }
  return rewardsIn(leaves);
}
