import { describe, expect, test } from "vitest";
import { resultDigest } from "../../src/kernel/certificates.ts";
import { signingBytes } from "../../src/kernel/statements.ts";
import { validatorSet, validatorSetHash } from "../../src/kernel/validator-set.ts";
import { currentSet } from "../../src/replica/consensus-view.ts";
import { quietPlan } from "./quiet-plan.ts";
import { createRandom } from "./random.ts";
import { addLife, startAll } from "./scenario.ts";
import { createWorkload } from "./workload.ts";
import { World } from "./world.ts";

describe("rule EPOCH", { timeout: 120_000 }, () => {
  test("rule EPOCH: a set that shares too little with the last is never followed", () => {
    const world = new World(quietPlan({ healMs: 0 }));
    startAll(world);
    addLife(world);
    world.runUntil(3_000);
    const [node] = world.nodes;
    const state = node?.process?.state;
    const certificate = state?.certified?.certificate;
    if (node === undefined || state === undefined || certificate === undefined) throw new Error();
    const set = currentSet(state);
    const strangers = set.members.map((member, index) => {
      return { ...member, key: world.keyring.key(`stranger${index}`) };
    });
    const nextSet = validatorSet(set.epoch + 1, strangers);
    const result = { ...certificate.result, nextSetHash: validatorSetHash(nextSet) };
    const message = signingBytes(world.birth.chainId, { kind: "attestation", result });
    const signatures = set.members.map(({ key }) => {
      return { author: key, signature: world.keyring.sign(key, message) };
    });
    const status = { epoch: 1, round: 1, qcRound: 0, committedHeight: 0 };
    const proof = { certificate: { result, signatures }, nextSet };
    const [, peer] = world.nodes;
    expect(resultDigest(result)).not.toBe(resultDigest(certificate.result));
    world.input(node, {
      kind: "message",
      from: peer?.networkKey ?? "",
      message: { status, body: { kind: "epoch-proof", proof } },
    });
    expect(() => world.runUntil(3_200)).toThrow("shares too little");
    expect(node.process?.state.consensus.set.epoch).toBe(set.epoch);
  });

  test("rule EPOCH: what is ordered after the reconfiguring block is void and proposed again", () => {
    const world = new World(quietPlan({ healMs: 0 }));
    startAll(world);
    const clients = addLife(world);
    const workload = createWorkload(world.keyring, world.birth.chainId, createRandom(3));
    const [, , , dead] = world.nodes;
    world.runUntil(1_500);
    if (dead === undefined) throw new Error("four members");
    world.stop(dead, "power");
    dead.gone = true;
    // Order votes are late, so that the child of the block that ends the epoch is voted for before
    // anybody has executed its parent; attestations are later still, so that the child is committed
    // before the hand-over. And there are so many transactions that the child carries some.
    world.extraDelayMs = ({ body }) => {
      if (body.kind === "order-vote") return 20;
      return body.kind === "statement" && body.signed.statement.kind === "attestation" ? 80 : 0;
    };
    for (let atMs = 5_000; atMs < 8_500; atMs += 12) {
      world.at(atMs, () => clients.submit(workload.bundle(), atMs % 3));
    }
    world.runUntil(12_000);
    expect(world.checker.swaps.map(({ cause }) => cause)).toEqual(["silence"]);
    const submitted = world.counts.get("transactions submitted");
    expect(world.counts.get("transactions certified")).toBe(submitted);
  });
});
