import { generateKeyPairSync } from "node:crypto";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import {
  type GetBlocksResponse,
  type GetEvidenceResponse,
  type GetReceiptsResponse,
  type GetStateResponse,
  type GetTransactionResponse,
  QueryServiceClient,
  Status,
  type SubmitResponse,
  TransactionState,
  type WatchCertificatesResponse,
} from "@quorate/proto/query/v1/query";
import { afterEach, describe, expect, test } from "vitest";
import { SoloReplica } from "../../../test/shell/solo-replica.ts";
import { toHex } from "../../kernel/bytes.ts";
import { type TreeProof, verifyTreeProof } from "../../kernel/merkle.ts";
import { ok, type Refusal, type Result, refuse } from "../../kernel/result.ts";
import { leafKeys } from "../../ledger/leaves.ts";
import { DEFAULT_DOOR, Door } from "../door/door.ts";
import { keyPair } from "../key-file.ts";
import { startTracing } from "../tracing.ts";
import { issueIdentity, tlsName, trustAnchor } from "./pinned-tls.ts";
import { type QueryOptions, QueryService } from "./query-service.ts";
import type { Submission } from "./submission.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A query listener over a replica of one member that has certified a few heights. */
async function world(changes: Partial<QueryOptions> = {}) {
  const key = keyPair(generateKeyPairSync("ed25519").privateKey);
  const replica = new SoloReplica();
  const submissions: Submission[] = [];
  let gone = 0;
  const { service, port } = await QueryService.start({
    identity: await issueIdentity(key),
    listen: "127.0.0.1:0",
    state: () => replica.state,
    store: { height: 0, block: async () => undefined },
    status: () => Status.fromPartial({ round: 7n }),
    submit: (given): Result<() => void, Refusal> => {
      submissions.push(...given);
      return ok(() => {
        gone += 1;
      });
    },
    tracing: await startTracing({ warn: () => undefined }),
    clients: {
      door: new Door(DEFAULT_DOOR),
      now: () => 0,
      pause: () => Promise.resolve(),
      refused: () => undefined,
    },
    ...changes,
  });
  cleanups.push(() => service.stop());
  const channel = credentials.createSsl(await trustAnchor(key.publicKey));
  const client = new QueryServiceClient(`127.0.0.1:${port}`, channel, {
    "grpc.ssl_target_name_override": tlsName(key.publicKey),
  });
  cleanups.push(() => client.close());
  return { service, client, replica, submissions, gone: () => gone };
}

type Reply<R> = (error: ServiceError | null, response: R) => void;

/** The answer of a unary call; throws the ServiceError. */
function answer<R>(call: (reply: Reply<R>) => unknown): Promise<R> {
  return new Promise((resolve, reject) => {
    call((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

/** What a client reads from a refusal: status, and the three parts in trailing metadata. */
async function refusal(action: Promise<unknown>) {
  const error = await action.then(
    () => undefined,
    (caught: ServiceError) => caught,
  );
  const part = (name: string) => error?.metadata.get(`quorate-${name}`)[0]?.toString() ?? "";
  return { status: error?.code, code: part("code"), field: part("field"), fix: part("fix") };
}

function blocks(client: QueryServiceClient, range: { fromHeight: bigint; toHeight: bigint }) {
  return new Promise<GetBlocksResponse[]>((resolve, reject) => {
    const received: GetBlocksResponse[] = [];
    const stream = client.getBlocks(range);
    stream.on("data", (response: GetBlocksResponse) => received.push(response));
    stream.on("error", reject);
    stream.on("end", () => resolve(received));
  });
}

function treeProof({ proof }: GetStateResponse): TreeProof {
  const siblings = (proof?.siblings ?? []).map((sibling) => toHex(sibling));
  const other = proof?.other;
  if (other === undefined) return { siblings };
  return { siblings, other: { keyHash: toHex(other.keyHash), valueHash: toHex(other.valueHash) } };
}

const transaction = Buffer.from("a transaction that nobody reads here");

describe("answers of the query listener", () => {
  test("a state value comes with its path to a certified root, and so does its absence", async () => {
    const { client, replica } = await world();
    const { result } = replica.certifyTo(2);
    for (const [key, found] of [
      [leafKeys.chain, true],
      ["seat/nobody", false],
    ] as const) {
      const given = await answer<GetStateResponse>((reply) => client.getState({ key }, reply));
      expect(given.found).toBe(found);
      expect(given.certificate?.result?.height).toBe(BigInt(result.height));
      const value = found ? new Uint8Array(given.value) : undefined;
      expect(verifyTreeProof(result.stateRoot, { key, value }, treeProof(given))).toBe(true);
    }
  });

  test("receipts of a held height come with its certificate", async () => {
    const { client, replica } = await world();
    replica.certifyTo(2);
    const given = await answer<GetReceiptsResponse>((reply) =>
      client.getReceipts({ height: 2n }, reply),
    );
    expect(given.leaves).toEqual([]);
    expect(given.certificate?.result?.height).toBe(2n);
  });

  test("proofs of misconduct come as the canonical bytes that the replica holds", async () => {
    const waiting = Uint8Array.of(1, 2, 3);
    const settled = Uint8Array.of(4, 5);
    const { state } = new SoloReplica();
    const pendingProofs = [{ accused: "ab".repeat(32), transaction: waiting, dueAtMs: 0 }];
    const { client } = await world({
      state: () => ({ ...state, pendingProofs, settledProofs: [settled] }),
    });
    const given = await answer<GetEvidenceResponse>((reply) => client.getEvidence({}, reply));
    expect(given.transactions.map((bytes) => new Uint8Array(bytes))).toEqual([waiting, settled]);
  });

  test("a transaction that nobody has seen is unknown, and that is no refusal", async () => {
    const { client } = await world();
    const given = await answer<GetTransactionResponse>((reply) =>
      client.getTransaction({ transaction: Buffer.alloc(32, 7) }, reply),
    );
    expect(given.state).toBe(TransactionState.TRANSACTION_STATE_UNKNOWN);
  });

  test("a watcher gets the newest certificate at once and each one that follows", async () => {
    const { client, replica, service } = await world();
    const first = replica.certifyTo(1);
    const stream = client.watchCertificates({});
    const heights: (bigint | undefined)[] = [];
    const two = new Promise<void>((resolve) => {
      stream.on("data", ({ certificate }: WatchCertificatesResponse) => {
        heights.push(certificate?.result?.height);
        if (heights.length === 1) service.certified(replica.certifyTo(first.result.height + 1));
        else resolve();
      });
      stream.on("error", () => undefined);
    });
    await two;
    stream.cancel();
    expect(heights).toEqual([first.result.height, first.result.height + 1].map(BigInt));
  });

  test("blocks above the newest committed height are an empty stream", async () => {
    const { client } = await world();
    expect(await blocks(client, { fromHeight: 5n, toHeight: 0n })).toEqual([]);
  });
});

describe("refusals of the query listener", () => {
  test("each one names code, field and fix in trailing metadata", async () => {
    const { client } = await world();
    const given = await refusal(answer((reply) => client.getState({ key: "chain" }, reply)));
    expect(given).toEqual({
      status: status.UNAVAILABLE,
      code: "STATE_NOT_CERTIFIED",
      field: "key",
      fix: "no height is certified yet: ask again shortly",
    });
  });

  test("malformed requests are the caller's to mend", async () => {
    const { client, replica } = await world();
    replica.certifyTo(1);
    const [key, short] = ["a\u0001b", Buffer.alloc(31)];
    const refusals = await Promise.all([
      refusal(answer((reply) => client.getState({ key }, reply))),
      refusal(answer((reply) => client.getState({ key: "x".repeat(257) }, reply))),
      refusal(answer((reply) => client.getTransaction({ transaction: short }, reply))),
      refusal(answer((reply) => client.getAccount({ account: short }, reply))),
      refusal(answer((reply) => client.submit({ transaction: Buffer.alloc(0) }, reply))),
      refusal(answer((reply) => client.submit({ transaction: Buffer.alloc(65_537) }, reply))),
      refusal(blocks(client, { fromHeight: 0n, toHeight: 0n })),
      refusal(blocks(client, { fromHeight: 9n, toHeight: 8n })),
    ]);
    expect(refusals.map((given) => given.field)).toEqual([
      ...["key", "key", "transaction", "account"],
      ...["transaction", "transaction", "from_height", "from_height"],
    ]);
    for (const given of refusals) {
      expect(given.status).toBe(status.INVALID_ARGUMENT);
      expect(given.code).toMatch(/^[A-Z_]+$/);
      expect(given.fix.length).toBeGreaterThan(10);
    }
  });

  test("a height that is not held is not found", async () => {
    const { client } = await world();
    const given = await refusal(answer((reply) => client.getReceipts({ height: 99n }, reply)));
    expect(given).toMatchObject({ status: status.NOT_FOUND, code: "HEIGHT_NOT_FOUND" });
  });

  test("a log that cannot be read ends the stream with a refusal", async () => {
    const block = async () => {
      throw new Error("EIO");
    };
    const { client } = await world({ store: { height: 3, block } });
    const given = await refusal(blocks(client, { fromHeight: 1n, toHeight: 0n }));
    expect(given).toMatchObject({ status: status.UNAVAILABLE, field: "node" });
  });
});

describe("submissions", () => {
  test("the replica's refusal reaches the caller, and the call waits no longer", async () => {
    const { client, submissions, service } = await world();
    const call = refusal(answer<SubmitResponse>((reply) => client.submit({ transaction }, reply)));
    await expect.poll(() => submissions.length).toBe(1);
    expect(service.waiting).toBe(1);
    expect(Buffer.from(submissions[0]?.transaction ?? [])).toEqual(transaction);
    const fix = "take the next nonce";
    submissions[0]?.answer({
      kind: "refused",
      refusal: { code: "BAD_NONCE", field: "nonce", fix },
    });
    const { INVALID_ARGUMENT } = status;
    expect(await call).toEqual({
      status: INVALID_ARGUMENT,
      code: "BAD_NONCE",
      field: "nonce",
      fix,
    });
    expect(service.waiting).toBe(0);
  });

  test("a node that is overloaded says so at once", async () => {
    const full = () => refuse("OVERLOADED", "node", "submit the same bytes again in a second");
    const { client, service } = await world({ submit: full });
    const given = await refusal(answer((reply) => client.submit({ transaction }, reply)));
    expect(given).toMatchObject({ status: status.RESOURCE_EXHAUSTED, code: "OVERLOADED" });
    expect(service.waiting).toBe(0);
  });

  test("a flood of questions is refused with the time to come again, and counted by reason", async () => {
    const door = new Door({ ...DEFAULT_DOOR, queriesPerSecond: 10 });
    const shut: string[] = [];
    const clients = {
      ...{ door, now: () => 0, pause: () => Promise.resolve() },
      refused: (reason: string) => void shut.push(reason),
    };
    const { client } = await world({ clients });
    const ask = () => answer<GetStateResponse>((reply) => client.getState({ key: "chain" }, reply));
    for (let asked = 0; asked < 11; asked += 1) await ask().catch(() => undefined);
    const error = await ask().catch((thrown: ServiceError) => thrown);
    if (!(error instanceof Error)) throw new Error("a refusal");
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error.metadata.get("quorate-code")).toEqual(["TOO_MANY_QUERIES"]);
    expect(Number(error.metadata.get("quorate-retry-after-ms")[0])).toBeGreaterThanOrEqual(100);
    expect(new Set(shut)).toEqual(new Set(["queries"]));
  });

  test("transactions of one address beyond its share are refused before the replica sees them", async () => {
    const door = new Door({ ...DEFAULT_DOOR, waitingMax: 4 });
    const clients = {
      door,
      now: () => 0,
      pause: () => Promise.resolve(),
      refused: () => undefined,
    };
    const { client, submissions, service } = await world({ clients });
    const calls = [1, 2].map(() => client.submit({ transaction }, () => undefined));
    await expect.poll(() => submissions.length).toBe(2);
    const given = await refusal(answer((reply) => client.submit({ transaction }, reply)));
    expect(given).toMatchObject({ status: status.RESOURCE_EXHAUSTED, code: "OVERLOADED" });
    expect(submissions).toHaveLength(2);
    for (const call of calls) call.cancel();
    await expect.poll(() => service.waiting).toBe(0);
  });

  test("streams of one address are counted, and free their place when they end", async () => {
    const door = new Door({ ...DEFAULT_DOOR, openCallsMax: 1 });
    const clients = {
      door,
      now: () => 0,
      pause: () => Promise.resolve(),
      refused: () => undefined,
    };
    const { client } = await world({ clients });
    const first = client.submitStream();
    first.on("error", () => undefined);
    await new Promise((resolve) => first.once("data", resolve));
    const code = () =>
      new Promise<string>((resolve) => {
        const second = client.submitStream();
        second.on("error", (error: ServiceError) => {
          resolve(String(error.metadata.get("quorate-code")[0] ?? ""));
        });
        second.on("data", () => {
          second.cancel();
          resolve("open");
        });
      });
    expect(await code()).toBe("TOO_MANY_CALLS");
    first.cancel();
    await expect.poll(code).toBe("open");
  });

  test("a client that goes away is told to the replica once", async () => {
    const { client, submissions, service, gone } = await world();
    const call = client.submit({ transaction }, () => undefined);
    await expect.poll(() => submissions.length).toBe(1);
    call.cancel();
    await expect.poll(gone).toBe(1);
    const refused = { code: "LATE", field: "node", fix: "nobody reads this any more" };
    submissions[0]?.answer({ kind: "refused", refusal: refused });
    expect(service.waiting).toBe(0);
    expect(gone()).toBe(1);
  });
});
