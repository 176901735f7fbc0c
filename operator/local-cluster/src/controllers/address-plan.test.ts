import { describe, expect, test } from "vitest";
import { AddressPlan, sharedAddress } from "./address-plan.ts";
import type { Pod, Service } from "./api-types.ts";
import { claimBlock } from "./loopback-block.ts";

const service = (name: string, clusterIP: string, selector: Record<string, string>): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "ns" },
  spec: { clusterIP, selector },
});
const pod = (name: string, labels: Record<string, string>, phase = "Running"): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "ns", uid: name, labels },
  status: { phase },
});
const none = new Set<string>();

describe("addresses", () => {
  test("no address twice, and one that was given back comes again last", () => {
    const plan = new AddressPlan(77);
    const first = plan.pod(none);
    expect(first).toBe("127.77.128.1");
    expect(plan.pod(new Set([first]))).toBe("127.77.128.2");
    expect(plan.pod(none)).toBe("127.77.128.3");
    expect(plan.machine(0)).toBe("127.77.0.11");
  });

  test("a pod that is all of a service has the service's address", () => {
    const services = [service("a", "127.77.16.1", { member: "a" })];
    const one = pod("a", { member: "a" });
    const world = { services, pods: [one], taken: none };
    expect(sharedAddress(one, world)).toBe("127.77.16.1");
    expect(sharedAddress(pod("b", { member: "b" }), world)).toBeUndefined();
  });

  test("not with a rival, a second service, a headless one, or while the address is held", () => {
    const labels = { app: "x" };
    const services = [service("a", "127.77.16.1", labels)];
    const one = pod("1", labels);
    const world = { services, pods: [one], taken: none };
    const rival = pod("2", labels);
    expect(sharedAddress(one, { ...world, pods: [one, rival] })).toBeUndefined();
    const ended = { ...rival, status: { phase: "Failed" } };
    expect(sharedAddress(one, { ...world, pods: [one, ended] })).toBe("127.77.16.1");
    const two = [...services, service("b", "127.77.16.2", labels)];
    expect(sharedAddress(one, { ...world, services: two })).toBeUndefined();
    const headless = [...services, service("b", "None", labels)];
    expect(sharedAddress(one, { ...world, services: headless })).toBe("127.77.16.1");
    expect(sharedAddress(one, { ...world, taken: new Set(["127.77.16.1"]) })).toBeUndefined();
  });

  test("two clusters never have one block, and a cluster has its own again or none", async () => {
    const first = await claimBlock({ seed: "/same/folder" });
    const second = await claimBlock({ seed: "/same/folder" });
    expect(second.number).not.toBe(first.number);
    await expect(claimBlock({ seed: "x", known: first.number })).rejects.toThrow("are in use");
    await first.release();
    const again = await claimBlock({ seed: "x", known: first.number });
    expect(again.number).toBe(first.number);
    await Promise.all([again.release(), second.release()]);
  });
});
