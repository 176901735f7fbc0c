import { beforeEach, describe, expect, test } from "vitest";
import { keyOf, scheme, TestChain } from "../../test/ledger/test-chain.ts";
import { getDigest } from "../kernel/digest-map.ts";
import { PROTOCOLS } from "../ledger/protocol.ts";
import { encodeTransaction, transactionId } from "../ledger/transaction.ts";
import { emptyPlaces, findPlace, recordPlace } from "./places.ts";
import { recoverReplica } from "./state.ts";
import { submit } from "./submissions.ts";
import type { Work } from "./work.ts";

function workOf({ chainId, genesis }: TestChain): Work {
  const self = { key: keyOf("seat0"), networkKey: keyOf("network seat0") };
  const state = recoverReplica(
    { chainId, genesis, self, scheme, protocols: PROTOCOLS },
    { journal: [], chain: [] },
  );
  return { state, effects: [], now: 1_000 };
}

describe("a full lane", () => {
  test("whoever comes behind the last free byte of one input is refused, and never waits for ever", () => {
    const work = workOf(new TestChain({ dev: true, keyValue: { valueBytesMax: 32 } }));
    const { consensus } = work.state;
    const lanes = { ...consensus.lanes, queueBytes: 4 * 1024 * 1024 - 1 };
    work.state = { ...work.state, consensus: { ...consensus, lanes } };
    const submissions = [1, 2, 3].map((at) => {
      const put = { kind: "put", key: Uint8Array.of(at), value: new Uint8Array(32) } as const;
      return { request: at, transaction: encodeTransaction(put) };
    });
    submit(work, submissions);
    const waiting = submissions.filter(
      ({ transaction }) => getDigest(work.state.queued, transactionId(transaction)) !== undefined,
    );
    expect(waiting.map(({ request }) => request)).toEqual([1]);
    expect(work.effects.filter(({ kind }) => kind === "answer")).toMatchObject(
      [2, 3].map((request) => ({ request, answer: { refusal: { code: "QUEUE_FULL" } } })),
    );
  });
});

describe("a refused receipt", () => {
  let chain: TestChain;
  let work: Work;

  beforeEach(() => {
    chain = new TestChain();
    work = workOf(chain);
  });

  test("rule CAUSE: a refusal of bytes that came too early answers no later submission", () => {
    const member = keyOf("seat1");
    chain.block();
    const bytes = encodeTransaction(chain.silenceRecord(member));
    const id = transactionId(bytes);
    const codes = chain.block({ raw: [bytes] });
    expect(codes).not.toContain("OK");
    const place = { height: 2, position: 0, settled: false };
    const places = recordPlace(emptyPlaces(), id, place);
    work.state = { ...work.state, places, ledger: chain.state, executedFrom: 3 };
    submit(work, [{ request: 1, transaction: bytes }]);
    // The ledger still refuses: the old receipt is the answer (here it is no longer held).
    expect(work.effects).toMatchObject([{ answer: { refusal: { code: "RECEIPT_NOT_HELD" } } }]);
    expect(getDigest(work.state.queued, id)).toBeUndefined();
    chain.silence(member, [chain.addSpare("s", "a")]);
    work = { ...work, state: { ...work.state, ledger: chain.state }, effects: [] };
    submit(work, [{ request: 2, transaction: bytes }]);
    expect(getDigest(work.state.queued, id)).toMatchObject({ requests: [2], refusedAt: 2 });
    expect(work.effects.filter(({ kind }) => kind === "answer")).toEqual([]);
  });

  test("the newest place counts until one settles the transaction", () => {
    const id = "ab".repeat(32);
    const at = (height: number, settled: boolean) => ({ height, position: 0, settled });
    let places = recordPlace(emptyPlaces(), id, at(1, false));
    places = recordPlace(places, id, at(2, false));
    expect(findPlace(places, id)).toEqual(at(2, false));
    places = recordPlace(places, id, at(3, true));
    places = recordPlace(places, id, at(4, false));
    places = recordPlace(places, id, at(5, true));
    expect(findPlace(places, id)).toEqual(at(3, true));
  });
});
