import { describe, expect, test } from "vitest";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { verifyResultCertificate } from "../../src/kernel/certificates.ts";
import { verifyListProof, verifyTreeProof } from "../../src/kernel/merkle.ts";
import { receiptProof } from "../../src/ledger/receipt.ts";
import { currentSet } from "../../src/replica/consensus-view.ts";
import {
  executedBlock,
  receiptLeaves,
  replicaStatus,
  stateProof,
  transactionStatus,
} from "../../src/replica/queries.ts";
import type { Answer, ReplicaState } from "../../src/replica/types.ts";
import { accountKey } from "./birth.ts";
import { quietPlan } from "./quiet-plan.ts";
import { createRandom } from "./random.ts";
import { addLife, startAll } from "./scenario.ts";
import { createWorkload } from "./workload.ts";
import { World } from "./world.ts";

function runningWorld(): World {
  const world = new World(quietPlan({ healMs: 0 }));
  startAll(world);
  addLife(world);
  world.runUntil(1_500);
  return world;
}

function bundleOf(world: World): Uint8Array {
  return createWorkload(world.keyring, world.birth.chainId, createRandom(5)).bundle();
}

let requests = 1_000;

/** What the node answers to one submission within two virtual seconds. */
function submit(world: World, index: number, transaction: Uint8Array): Answer | undefined {
  const node = world.nodes[index];
  if (node === undefined) return undefined;
  let answer: Answer | undefined;
  requests += 1;
  world.clients.set(requests, (given) => {
    answer = given;
  });
  world.input(node, {
    kind: "submit",
    submissions: [{ request: requests, transaction }],
  });
  world.runUntil(world.now + 2_000, () => answer !== undefined);
  return answer;
}

function stateOf(world: World, index: number): ReplicaState {
  const state = world.nodes[index]?.process?.state;
  if (state === undefined) throw new Error(`node ${index} is down`);
  return state;
}

function receiptOf(answer: Answer | undefined) {
  if (answer?.kind !== "certified") throw new Error(`not certified: ${JSON.stringify(answer)}`);
  const { receipt: certified } = answer;
  return { ...certified, ...receiptProof(certified.execution, certified.position) };
}

describe("clients of a replica", { timeout: 120_000 }, () => {
  test("an acknowledgement verifies alone: receipt, path, quorum certificate", () => {
    const world = runningWorld();
    const transaction = bundleOf(world);
    const { certificate, leaf, proof, receipt } = receiptOf(submit(world, 0, transaction));
    const { scheme } = world.keyring;
    const set = currentSet(stateOf(world, 0));
    expect(verifyResultCertificate(scheme, world.birth.chainId, set, certificate).ok).toBe(true);
    expect(verifyListProof(certificate.result.receiptsRoot, leaf, proof)).toBe(true);
    expect(receipt.transaction).toBe(sha256Hex(transaction));
    const { height } = certificate.result;
    const leaves = receiptLeaves(stateOf(world, 0), height);
    expect(leaves?.[proof.index]).toEqual(leaf);
    expect(executedBlock(stateOf(world, 0), height)?.certificate?.result).toEqual(
      certificate.result,
    );
  });

  test("resubmission of the same bytes returns the first receipt, at every validator", () => {
    const world = runningWorld();
    const transaction = bundleOf(world);
    const first = receiptOf(submit(world, 0, transaction));
    world.runUntil(world.now + 500);
    for (const index of [0, 1, 2]) {
      const again = receiptOf(submit(world, index, transaction));
      expect(again.height).toBe(first.height);
      expect(again.leaf).toEqual(first.leaf);
    }
    expect(transactionStatus(stateOf(world, 1), sha256Hex(transaction)).kind).toBe("certified");
    expect(transactionStatus(stateOf(world, 1), "ab".repeat(32)).kind).toBe("unknown");
  });

  test("args: what a node cannot take is refused with code, field and fix", () => {
    const world = runningWorld();
    const code = (index: number, transaction: Uint8Array) => {
      const answer = submit(world, index, transaction);
      return answer?.kind === "refused" ? answer.refusal : answer?.kind;
    };
    const spare = world.plan.members;
    expect(code(spare, bundleOf(world))).toMatchObject({ code: "NOT_A_VALIDATOR", field: "node" });
    expect(code(0, new Uint8Array(70_000))).toMatchObject({ code: "TRANSACTION_TOO_LARGE" });
    expect(code(0, Uint8Array.of(1, 2, 3))).toMatchObject({ code: "TRANSACTION_MALFORMED" });
  });

  test("state is proven at the newest certified height, absence too", () => {
    const world = runningWorld();
    world.runUntil(world.now + 2_500);
    const state = stateOf(world, 2);
    for (const key of [`account/${accountKey(world.keyring, 0)}`, "account/nobody"]) {
      const proven = stateProof(state, key);
      if (!proven.ok) throw new Error(proven.error.code);
      const { value, proof, certificate } = proven.value;
      const root = certificate.result.stateRoot;
      expect(verifyTreeProof(root, { key, value }, proof)).toBe(true);
      expect(value === undefined).toBe(key === "account/nobody");
    }
    const status = replicaStatus(state);
    expect(status).toMatchObject({ role: "member", epoch: 1, halted: undefined });
    expect(status.seats.length).toBe(4);
    expect(status.spares.map(({ fit }) => fit)).toEqual([true]);
  });
});
