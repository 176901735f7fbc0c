import { expect, test, vi } from "vitest";
import { FakeCluster } from "../../test/fake-cluster.ts";
import { controlPublicKey, newControlKey } from "../adapters/control-tls.ts";
import { ControlSecretError, controlKey } from "./control-key.ts";

const keys = {
  create: newControlKey,
  publicKey: controlPublicKey,
  open: () => {
    throw new Error("not here");
  },
};

test("the control key is made once; the second writer takes what is there", async () => {
  const cluster = new FakeCluster(0);
  const first = await controlKey(cluster, keys, "sys");
  expect(await controlKey(cluster, keys, "sys")).toBe(first);
  // The Secret comes into being between the look and the creation.
  const read = vi.spyOn(cluster, "get").mockResolvedValueOnce(undefined);
  expect(await controlKey(cluster, keys, "sys")).toBe(first);
  expect(read).toHaveBeenCalledTimes(2);
  expect(keys.publicKey(first)).toMatch(/^[0-9a-f]{64}$/);
});

test("a Secret of that name without a key is refused by name, and its content is not shown", async () => {
  const cluster = new FakeCluster(0);
  const metadata = { namespace: "sys", name: "quorate-control" };
  cluster.put({ apiVersion: "v1", kind: "Secret", metadata, data: { other: "aHVzaA==" } } as never);
  const refused = controlKey(cluster, keys, "sys");
  await expect(refused).rejects.toThrow(ControlSecretError);
  await expect(refused).rejects.not.toThrow("aHVzaA==");
});
