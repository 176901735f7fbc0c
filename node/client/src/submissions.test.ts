import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { startNetwork, type TestNetwork } from "../test/network.ts";
import { ClosedError, ProofError, RefusedError } from "./errors.ts";

const networks: TestNetwork[] = [];
afterEach(() => {
  for (const network of networks.splice(0)) network.close();
});

async function world(options: Parameters<typeof startNetwork>[0] = {}) {
  const network = await startNetwork(options);
  networks.push(network);
  return { ...network, submissions: network.client.submissions() };
}

const transactions = (count: number): Uint8Array[] =>
  Array.from({ length: count }, () => new Uint8Array(randomBytes(40)));

const refusal = { code: "BAD", field: "transaction", fix: "do otherwise" };

describe("submissions over a stream", () => {
  test("what is submitted together travels together, each with its own proven receipt", async () => {
    const { nodes, submissions, chain } = await world();
    const certified = await Promise.all(transactions(20).map((each) => submissions.submit(each)));
    expect(new Set(certified.map(({ receipt }) => receipt.transaction)).size).toBe(20);
    expect(certified.every(({ certificate }) => certificate.result.height <= chain.height)).toBe(
      true,
    );
    expect(nodes[0].streams).toBe(1);
    expect(nodes[0].messages).toEqual([20]);
    expect(submissions.open).toBe(0);
  });

  test("never more is without an outcome than the node grants", async () => {
    const { nodes, submissions } = await world();
    nodes[0].lies = { credit: 8 };
    await Promise.all(transactions(50).map((each) => submissions.submit(each)));
    expect(Math.max(...nodes[0].messages)).toBeLessThanOrEqual(8);
    expect(nodes[0].submissions).toBe(50);
  });

  test("a refusal that the chain proves rejects by its code", async () => {
    const { chain, submissions } = await world();
    chain.receipt = { ...refusal, outcomes: [] };
    await expect(submissions.submit(randomBytes(40))).rejects.toMatchObject({
      name: "ChainRefusalError",
      code: "BAD",
      fix: "do otherwise",
    });
  });

  test("a full node is asked again when it said so; a refusal at the door is told", async () => {
    const { nodes, submissions, failures } = await world();
    nodes[0].lies = { refuseOnce: { ...refusal, field: "node", retryAfterMs: 5 } };
    await submissions.submit(randomBytes(40));
    expect(nodes[0].submissions).toBe(2);
    nodes[0].lies = { refuseOnce: { ...refusal, retryAfterMs: 0 } };
    await expect(submissions.submit(randomBytes(40))).rejects.toBeInstanceOf(RefusedError);
    expect(failures).toEqual([]);
  });

  test("what was executed before, and is not held there, is looked up at the others", async () => {
    const { nodes, chain, submissions, failures } = await world();
    const bytes = new Uint8Array(randomBytes(40));
    const { certificate } = chain.execute(bytes);
    const fix = "read that block's receipts";
    const code = "RECEIPT_NOT_HELD";
    nodes[0].lies = { refuseOnce: { code, field: "transaction", fix, retryAfterMs: 0 } };
    expect((await submissions.submit(bytes)).height).toBe(certificate.result.height);
    expect(failures).toEqual([]);
  });

  test("a node that breaks off, or says it takes nothing, gives way to the next", async () => {
    const { nodes, submissions, failures } = await world();
    nodes[0].lies = { isBroken: true };
    nodes[1].lies = { refuseOnce: { ...refusal, field: "node", retryAfterMs: 0 } };
    await Promise.all(transactions(5).map((each) => submissions.submit(each)));
    expect(nodes[2].submissions).toBe(5);
    expect(failures.map(({ name }) => name)).toEqual([
      "NodeUnavailableError",
      "NodeUnavailableError",
    ]);
  });

  test("a silent node gives way to the next after the attempt's time", async () => {
    const { nodes, submissions, failures } = await world({ timeouts: { attemptMs: 300 } });
    nodes[0].lies = { isSilent: true };
    await submissions.submit(randomBytes(40));
    expect(nodes[1].submissions).toBe(1);
    expect(failures.map(({ code }) => code)).toEqual(["NODE_TIMEOUT"]);
  });

  test.each([
    ["another leaf", (run: Run): Run => ({ ...run, leaves: run.leaves.slice(1) })],
    ["receipts that stand elsewhere", (run: Run): Run => moved(run)],
    ["one number for another", (run: Run): Run => ({ ...run, numbers: run.numbers.toReversed() })],
    ["a number that was never sent", (run: Run): Run => ({ ...run, numbers: [7, 8] })],
    ["too few numbers", (run: Run): Run => ({ ...run, numbers: run.numbers.slice(1) })],
    ["a certificate without a quorum", (run: Run): Run => withoutQuorum(run)],
  ])("a node that shows %s is not believed", async (_, run) => {
    const { nodes, submissions, failures } = await world();
    nodes[0].lies = { run };
    const certified = await Promise.all(transactions(2).map((each) => submissions.submit(each)));
    expect(certified).toHaveLength(2);
    expect(nodes[1].submissions).toBeGreaterThan(0);
    expect(failures.some((error) => error instanceof ProofError)).toBe(true);
  });

  test("closing rejects what has no outcome, and what comes later", async () => {
    const { nodes, submissions } = await world();
    nodes[0].lies = { isSilent: true };
    const open = submissions.submit(randomBytes(40));
    submissions.close();
    await expect(open).rejects.toBeInstanceOf(ClosedError);
    await expect(submissions.submit(randomBytes(40))).rejects.toBeInstanceOf(ClosedError);
  });
});

type Run = Parameters<NonNullable<TestNetwork["nodes"][0]["lies"]["run"]>>[0];

function moved(run: Run): Run {
  return { ...run, proof: { ...run.proof, first: run.proof.first + 1 } };
}

function withoutQuorum(run: Run): Run {
  const { certificate } = run;
  return {
    ...run,
    certificate: { ...certificate, signatures: certificate.signatures.slice(0, 1) },
  };
}
