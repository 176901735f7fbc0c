import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startNetwork, type TestNetwork } from "../test/network.ts";
import type { NodeError } from "./errors.ts";

let network: TestNetwork;

beforeEach(async () => {
  network = await startNetwork();
});

afterEach(() => network.close());

describe("watchCertificates", () => {
  test("rule VERIFIED-READ: heights rise, each once, whichever node is first", async () => {
    const { client, chain, nodes } = network;
    const watch = client.watchCertificates();
    const first = await watch.next();
    expect(first.value).toEqual(chain.newest);
    for (const node of [nodes[2], nodes[0], nodes[1]]) {
      chain.commit();
      const next = watch.next();
      for (const each of [node, ...nodes]) each.publish();
      expect(await next).toMatchObject({ value: { result: { height: chain.height } } });
    }
    await watch.return();
  });

  test("rule VERIFIED-READ: a node that lies delays nobody and is named", async () => {
    const { chain, nodes } = network;
    let tell: (error: NodeError) => void = () => undefined;
    const named = new Promise<NodeError>((resolve) => {
      tell = resolve;
    });
    const client = await network.join({ onNodeError: tell });
    const watch = client.watchCertificates();
    await watch.next();
    nodes[0].lies = { certificates: (honest) => ({ ...honest, signatures: [] }) };
    while (nodes[0].watchers === 0) await setImmediate();
    chain.commit();
    const next = watch.next();
    nodes[0].publish();
    const first = await Promise.race([named, next]);
    expect(first).toMatchObject({ code: "POWER_BELOW_QUORUM" });
    nodes[1].publish();
    expect((await next).value).toEqual(chain.newest);
    await watch.return();
  });

  test("it follows a hand-over", async () => {
    const { client, chain, nodes } = network;
    const watch = client.watchCertificates();
    await watch.next();
    chain.handOver("7");
    const next = watch.next();
    for (const node of nodes) node.publish();
    expect(await next).toMatchObject({ value: { result: { epoch: 2 } } });
    expect(client.trustedSet.epoch).toBe(2);
    await watch.return();
  });

  test("close ends it, and so does the reader", async () => {
    const { client } = network;
    const one = client.watchCertificates();
    const two = client.watchCertificates();
    await one.next();
    await two.next();
    await one.return();
    const waiting = two.next();
    client.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await one.next()).toEqual({ done: true, value: undefined });
  });
});
