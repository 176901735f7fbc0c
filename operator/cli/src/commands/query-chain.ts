import type { QuorateClient } from "@quorate/client/client";
import type { ClaimedProtocol, ClaimedSplit } from "@quorate/client/query-node";
import type { Digest, Epoch, Height, Millis, Power, PublicKey } from "@quorate/node/kernel/scalars";
import { quorumPower } from "@quorate/node/kernel/threshold";
import { totalPower, validatorSetHash } from "@quorate/node/kernel/validator-set";
import type { Receipt } from "@quorate/node/ledger/types";
import type { CommandOutput } from "../output.ts";
import { instant, parseCounter, parseHex32, usd } from "../quantities.ts";
import { facts, table } from "../table.ts";

export interface HeightDocument {
  readonly command: "query height";
  readonly chainId: Digest;
  readonly epoch: Epoch;
  readonly height: Height;
  readonly timestampMs: Millis;
  readonly blockId: Digest;
  readonly stateRoot: Digest;
  readonly receiptsRoot: Digest;
  readonly signers: readonly PublicKey[];
}

/** The newest certified result, verified. */
export async function queryHeight(
  client: Pick<QuorateClient, "head" | "chainId">,
): Promise<CommandOutput & { readonly document: HeightDocument }> {
  const { result, signatures } = await client.head();
  const { epoch, height, timestampMs, blockId, stateRoot, receiptsRoot } = result;
  return {
    document: {
      command: "query height",
      chainId: client.chainId,
      epoch,
      height,
      timestampMs,
      blockId,
      stateRoot,
      receiptsRoot,
      signers: signatures.map(({ author }) => author),
    },
    lines: [
      `height ${height} of epoch ${epoch}, ${instant(timestampMs)}, ` +
        `certified by ${signatures.length} members`,
    ],
  };
}

export interface StatusDocument {
  readonly command: "query status";
  readonly chainId: Digest;
  readonly name: string;
  /** Proven to this client. */
  readonly certified: {
    readonly epoch: Epoch;
    readonly height: Height;
    readonly timestampMs: Millis;
  };
  /** The newest proven set: what a checkpoint names (node/docs/node.md). */
  readonly set: { readonly epoch: Epoch; readonly setHash: Digest };
  /** What one node says of itself; nothing proves it. */
  readonly claimed: {
    readonly endpoint: string;
    readonly epoch: Epoch;
    readonly executedHeight: Height;
    readonly certifiedHeight: Height;
    readonly protocol: {
      readonly version: number;
      /** Its activation is fixed; null where none is. */
      readonly next: { readonly version: number; readonly height: Height } | null;
      readonly held: readonly number[];
      readonly ready: readonly { readonly key: PublicKey; readonly version: number }[];
    } | null;
    readonly split: ClaimedSplit | null;
  };
}

/** Rule VERSION: the version in force, the next one, and how many members hold a newer one. */
function protocolLine(protocol: ClaimedProtocol | undefined): string {
  if (protocol === undefined) return "unknown";
  const { version, next, held, ready } = protocol;
  const newer = ready.filter((each) => each.version > version).length;
  const coming = next && `, version ${next.version} from height ${next.height} on`;
  const readiness = `${newer} of ${ready.length} members hold a newer one`;
  return `version ${version}${coming ?? ""}; ${readiness}; this node holds ${held.join(" and ")}`;
}

/** Rule SPLIT: who attested which root. */
function splitFacts(split: ClaimedSplit | undefined): readonly (readonly [string, string])[] {
  if (split === undefined) return [];
  const { height, groups, firstDifference } = split;
  const where = firstDifference === "" ? "" : `, first difference at ${firstDifference}`;
  return [
    ["split", `height ${height}: ${groups.length} results, none with a quorum${where}`],
    ...groups.map(({ stateRoot, receiptsRoot, members }): readonly [string, string] => {
      const keys = members.map((key) => key.slice(0, 8)).join(", ");
      return ["", `state ${stateRoot}, receipts ${receiptsRoot.slice(0, 8)}: ${keys}`];
    }),
  ];
}

export async function queryStatus(
  client: Pick<QuorateClient, "head" | "rumour" | "chainId" | "genesis" | "set">,
): Promise<CommandOutput & { readonly document: StatusDocument }> {
  const rumour = await client.rumour();
  const { endpoint, epoch, executedHeight, certifiedHeight, protocol, split } = rumour;
  const { result } = await client.head();
  const { value: proven } = await client.set();
  if (proven === undefined) throw new Error("a certified state without a set");
  const set = { epoch: proven.epoch, setHash: validatorSetHash(proven) };
  const { name } = client.genesis;
  return {
    document: {
      command: "query status",
      chainId: client.chainId,
      name,
      certified: { epoch: result.epoch, height: result.height, timestampMs: result.timestampMs },
      set,
      claimed: {
        ...{ endpoint, epoch, executedHeight, certifiedHeight },
        protocol: protocol === undefined ? null : { ...protocol, next: protocol.next ?? null },
        split: split ?? null,
      },
    },
    lines: facts([
      ["chain", `${name} (${client.chainId})`],
      [
        "proven",
        `height ${result.height} of epoch ${result.epoch}, ${instant(result.timestampMs)}`,
      ],
      ["checkpoint", `epoch ${set.epoch}, set ${set.setHash}`],
      ["claimed", `${endpoint}: executed ${executedHeight}, certified ${certifiedHeight}`],
      ["protocol", protocolLine(protocol)],
      ...splitFacts(split),
    ]),
  };
}

export interface SetDocument {
  readonly command: "query set";
  readonly height: Height;
  readonly epoch: Epoch;
  /** What rotation transactions name. */
  readonly setHash: Digest;
  readonly totalPower: Power;
  readonly quorumPower: Power;
  readonly members: readonly {
    readonly key: PublicKey;
    readonly networkKey: PublicKey;
    readonly address: string;
    readonly owner: PublicKey;
    readonly power: Power;
    readonly muted: boolean;
    /** Height of the last sign of life that was included; null where the chain counts none yet. */
    readonly lastSignHeight: Height | null;
  }[];
}

export async function querySet(
  client: Pick<QuorateClient, "set" | "seats">,
): Promise<CommandOutput & { readonly document: SetDocument }> {
  const { value: set, height } = await client.set();
  if (set === undefined) throw new Error("a certified state without a set");
  const seats = new Map((await client.seats()).value?.map((each) => [each.seat.key, each]));
  const total = totalPower(set);
  const members = set.members.map(({ key, networkKey, address, owner, power, muted }) => {
    const lastSignHeight = seats.get(key)?.liveness?.sinceHeight ?? null;
    return { key, networkKey, address, owner, power, muted, lastSignHeight };
  });
  const rows = members.map(({ key, address, owner, power, muted, lastSignHeight }) => [
    key.slice(0, 16),
    owner.slice(0, 16),
    address,
    usd(power),
    lastSignHeight === null ? "" : String(lastSignHeight),
    muted ? "muted" : "",
  ]);
  return {
    document: {
      command: "query set",
      height,
      epoch: set.epoch,
      setHash: validatorSetHash(set),
      totalPower: total,
      quorumPower: quorumPower(total),
      members,
    },
    lines: [
      `epoch ${set.epoch} at height ${height}: ${members.length} members, power ${usd(total)}, ` +
        `quorum ${usd(quorumPower(total))}`,
      "",
      ...table(
        [
          { title: "key", align: "left" },
          { title: "owner", align: "left" },
          { title: "address", align: "left" },
          { title: "power USD", align: "right" },
          { title: "last sign", align: "right" },
          { title: "", align: "left" },
        ],
        rows,
      ),
    ],
  };
}

export interface TransactionDocument {
  readonly command: "query transaction";
  readonly transaction: Digest;
  readonly height: Height;
  readonly timestampMs: Millis;
  /** "OK", or why the chain refused it. */
  readonly code: string;
  readonly field: string;
  readonly fix: string;
  readonly outcomes: Receipt["outcomes"];
}

export async function queryTransaction(
  client: Pick<QuorateClient, "transaction">,
  id: string,
): Promise<CommandOutput & { readonly document: TransactionDocument }> {
  const transaction = parseHex32(id, "ID");
  const { height, receipt, certificate } = await client.transaction(transaction);
  const { code, field, fix, outcomes } = receipt;
  const { timestampMs } = certificate.result;
  const said = code === "OK" ? "executed" : `refused: ${code}: ${field}: ${fix}`;
  return {
    document: {
      command: "query transaction",
      transaction,
      height,
      timestampMs,
      code,
      field,
      fix,
      outcomes,
    },
    lines: [
      `${said}, at height ${height}, ${instant(timestampMs)}`,
      ...outcomes.map((each, at) =>
        each.code === "OK"
          ? `action ${at + 1}: done, ${each.filled} lots filled, ${each.resting} resting`
          : `action ${at + 1}: ${each.code}: ${each.field}: ${each.fix}${boundText(each)}`,
      ),
    ],
  };
}

function boundText({ bound }: Receipt["outcomes"][number]): string {
  if (bound === undefined) return "";
  return ` (cap ${bound.cap}, epoch ${bound.epoch}, remainder ${bound.remainder})`;
}

export interface BlockDocument {
  readonly command: "query block";
  readonly height: Height;
  readonly blockId: Digest;
  readonly epoch: Epoch;
  readonly round: number;
  readonly timestampMs: Millis;
  readonly proposer: PublicKey;
  readonly parent: Digest;
  readonly signsOfLife: number;
  readonly batches: readonly {
    readonly author: PublicKey;
    readonly sequence: number;
    readonly transactions: readonly Digest[];
  }[];
}

export async function queryBlock(
  client: Pick<QuorateClient, "blocks">,
  given: string,
  transactionId: (bytes: Uint8Array) => Digest,
): Promise<CommandOutput & { readonly document: BlockDocument }> {
  const height = parseCounter(given, "HEIGHT");
  const next = await client.blocks(height, height).next();
  if (next.done === true) throw new Error(`no block at height ${height}`);
  const { id, block, batches } = next.value;
  const listed = batches.map(({ author, sequence, transactions }) => ({
    author,
    sequence,
    transactions: transactions.map(transactionId),
  }));
  const count = listed.reduce((sum, { transactions }) => sum + transactions.length, 0);
  return {
    document: {
      command: "query block",
      height,
      blockId: id,
      epoch: block.epoch,
      round: block.round,
      timestampMs: block.timestampMs,
      proposer: block.proposer,
      parent: block.qc.blockId,
      signsOfLife: block.signsOfLife.length,
      batches: listed,
    },
    lines: [
      ...facts([
        ["block", id],
        ["height", `${height}, round ${block.round} of epoch ${block.epoch}`],
        ["time", instant(block.timestampMs)],
        ["proposer", block.proposer],
        ["parent", block.qc.blockId],
        ["content", `${count} transactions in ${listed.length} batches`],
      ]),
      ...listed.flatMap(({ transactions }) => transactions.map((each) => `  ${each}`)),
    ],
  };
}
