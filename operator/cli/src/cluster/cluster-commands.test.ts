import { AccountKey } from "@quorate/client/account-key";
import { ed25519 } from "@quorate/node/crypto/ed25519";
import { fromHex } from "@quorate/node/kernel/bytes";
import {
  ownerRotationSigningBytes,
  registrationSigningBytes,
} from "@quorate/node/ledger/transaction";
import {
  HOLD_REASONS,
  REFUSAL_REASONS,
  TRUST_REASONS,
} from "@quorate/operator/api/v1alpha1/conditions";
import type { ValidatorRotation } from "@quorate/operator/api/v1alpha1/types";
import { consent, evidence, holds, restraint } from "@quorate/operator/decide/policy";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { startNetwork, type TestNetwork } from "../../../../node/client/test/network.ts";
import { CommandLine } from "../../test/command-line.ts";
import { FakeApi, NAMESPACE } from "../../test/fake-api.ts";
import { RULES, readGuide } from "./guide.ts";
import { clusterFolder, kubeconfigFiles } from "./kubeconfig-files.ts";

const SET = ["dev", "-n", NAMESPACE];
const OWNER = ["--owner-key", "owner.pem"];
let network: TestNetwork;
let api: FakeApi;
let line: CommandLine;

beforeEach(async () => {
  network = await startNetwork();
  api = await FakeApi.waiting();
  line = new CommandLine(network, api);
});
afterEach(() => network.close());

async function refused(
  exitCode: number,
  code: string,
  ...args: readonly string[]
): Promise<string> {
  const before = api.cluster.writes.length;
  const ran = await line.run(...args);
  expect(ran).toMatchObject({ exitCode, stdout: "" });
  expect(ran.stderr).toMatch(new RegExp(`^quorate: ${code}: `));
  expect(api.cluster.writes.length).toBe(before);
  return ran.stderr;
}

async function done(...args: readonly string[]): Promise<string> {
  const ran = await line.run(...args);
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  return ran.stdout;
}

describe("where the API server is", () => {
  test("the option, then KUBECONFIG, then the home's file", () => {
    const environment = { KUBECONFIG: "/a:/b", HOME: "/h" };
    expect(kubeconfigFiles("/x", environment)).toEqual(["/x"]);
    expect(kubeconfigFiles(undefined, environment)).toEqual(["/a", "/b"]);
    expect(kubeconfigFiles(undefined, { HOME: "/h" })).toEqual(["/h/.kube/config"]);
    expect(() => kubeconfigFiles(undefined, {})).toThrow("--kubeconfig");
  });

  test("the local cluster's folder: the option, XDG_STATE_HOME, the home", () => {
    expect(clusterFolder("/x", {})).toBe("/x");
    expect(clusterFolder(undefined, { XDG_STATE_HOME: "/s", HOME: "/h" })).toBe("/s/quorate");
    expect(clusterFolder(undefined, { HOME: "/h" })).toBe("/h/.local/state/quorate");
  });

  test("a server that does not answer is exit code 3, and every connection is closed", async () => {
    await done("status");
    api.isReachable = false;
    await refused(3, "API_UNREACHABLE", "status");
    expect(api.closed).toBe(2);
  });
});

describe("status and why", () => {
  test("status names members, zones, the plan that waits and the budget", async () => {
    const said = await done("status", ...SET);
    expect(said).toMatch(/^ {2}dev-0 +Voter +zone-1 +m-1 /m);
    expect(said).toContain("0 more may fail");
    expect(said).toMatch(/dev-e1-\w{8} +Silence .*Planned/);
  });

  test("rule VERSION: status names the version and the next one; none where nobody wrote it", async () => {
    expect(await done("status", ...SET)).toMatch(/^protocol +version 1$/m);
    const { status } = api.set;
    const { chain } = status!;
    const next = { version: 2, height: chain.height + 40 };
    const write = (protocol: object) => {
      api.cluster.put({ ...api.set, status: { ...status, chain: { ...chain, ...protocol } } });
    };
    write({ protocol: { version: 1, next } });
    const said = await done("status", ...SET);
    expect(said).toContain(`version 1, version 2 from height ${next.height} (in 40 blocks)`);
    const json = JSON.parse(await done("status", ...SET, "--json"));
    expect(json.sets[0].chain.protocol).toEqual({ version: 1, next });
    const { protocol: _, ...older } = chain;
    api.cluster.put({ ...api.set, status: { ...status, chain: older } } as never);
    expect(await done("status", ...SET)).not.toContain("protocol");
  });

  test("a set in another namespace is pointed at", async () => {
    expect(await refused(1, "SET_NOT_FOUND", "status", "dev")).toContain(`add -n ${NAMESPACE}`);
    expect(await refused(1, "SET_NOT_FOUND", "why", "nope")).toContain(`${NAMESPACE}/dev`);
  });

  test("why names the rule that holds back, and what a person can do", async () => {
    const said = await done("why", ...SET);
    expect(said).toMatch(/ {2}NO {2}APPROVE +AwaitingApproval: /);
    expect(said).toMatch(/ {2}ok {2}S7 /);
    expect(said).toMatch(/what you can do:\n(.*\n)*? {2}AwaitingApproval: /);
    expect(said).toContain("quorate approve NAME --latest");
  });

  test("a rule that nobody asked is not said to be content", async () => {
    const quiet = await FakeApi.start();
    const said = await new CommandLine(network, quiet).run("why", ...SET);
    expect(said.stdout).toMatch(/ {2}ok {2}S11 /);
    expect(said.stdout).toMatch(/ {2}-- {2}S7 /);
  });

  test("why of a member: silence, pod, zone, reasons; found by ordinal and key as well", async () => {
    const key = api.set.status?.members.find(({ name }) => name === "dev-2")?.consensusKey ?? "";
    const said = await done("why", "dev", "dev-2", "-n", NAMESPACE);
    expect(said).toMatch(/silent for +60 s\npod +Running, ready, on m-5/);
    expect(said).toContain("seen: Silence, confirmed");
    for (const word of ["2", key.slice(0, 8)]) {
      expect(await done("why", "dev", word, "-n", NAMESPACE)).toBe(said);
    }
    await refused(2, "MEMBER_UNKNOWN", "why", "dev", "9", "-n", NAMESPACE);
  });

  test("every rule and every reason of the operator is explained", () => {
    const ids = [...holds, ...evidence, ...restraint, ...consent].map(({ id }) => id);
    expect(Object.keys(RULES).toSorted()).toEqual([...new Set(ids)].toSorted());
    const guide = readGuide();
    const reasons = [...TRUST_REASONS, ...HOLD_REASONS, ...REFUSAL_REASONS];
    for (const reason of reasons) expect(guide.get(reason)?.todo, reason).toMatch(/\w/);
  });
});

describe("plan", () => {
  test("says what would follow, and writes nothing", async () => {
    const quiet = await FakeApi.start();
    const asked = new CommandLine(network, quiet);
    const before = quiet.cluster.writes.length;
    const one = await asked.run("plan", ...SET, "--fail", "dev-1");
    expect(one.stdout).toMatch(/^if dev-1 fell silent: the operator rotates dev-1 /);
    expect(one.stdout).toContain("the chain goes on: the others hold a quorum");
    expect(one.stdout).toMatch(
      /spare dev-4: the seat goes from zone-\d to zone-\d; afterwards no /,
    );
    const two = await asked.run("plan", ...SET, "--zone", "zone-1", "zone-2");
    expect(two.stdout).toMatch(/^if dev-0, dev-1 fell silent: the operator does nothing\n/);
    expect(two.stdout).toContain("S11 ChainHalted");
    expect(two.stdout).toContain("the chain stands still");
    expect(quiet.cluster.writes.length).toBe(before);
  });

  test("a member or zone that is not there is refused with those that are", async () => {
    expect(await refused(2, "MEMBER_UNKNOWN", "plan", ...SET, "--fail", "x")).toContain("dev-0");
    expect(await refused(2, "ZONE_UNKNOWN", "plan", ...SET, "--zone", "x")).toContain("zone-5");
  });
});

describe("logs", () => {
  beforeEach(() => {
    api.logs.set("dev-0", ["2026-01-01T00:00:01Z first", "2026-01-01T00:00:03Z third"]);
    api.logs.set("dev-1", ["2026-01-01T00:00:02Z second"]);
  });

  test("lines of several pods come in the order of time, each with its pod", async () => {
    const said = (await done("logs", ...SET)).split("\n").filter((each) => !each.includes("("));
    expect(said).toEqual(["dev-0  first", "dev-1  second", "dev-0  third", ""]);
  });

  test("-f follows one member; --json and -f do not go together", async () => {
    expect(await done("logs", "dev", "0", "-n", NAMESPACE, "-f", "--tail", "7")).toBe(
      "dev-0  first\ndev-0  third\n",
    );
    expect(api.asked).toMatchObject([{ pod: "dev-0", follow: true, tail: 7 }]);
    await expect(line.run("logs", ...SET, "-f", "--json")).resolves.toMatchObject({ exitCode: 2 });
  });

  test("a member without a pod, an operator that is not there, two targets at once", async () => {
    api.cluster.stored.delete(`Pod/${NAMESPACE}/dev-2`);
    await refused(1, "POD_NOT_FOUND", "logs", "dev", "dev-2", "-n", NAMESPACE);
    await refused(1, "POD_NOT_FOUND", "logs", "--operator");
    await refused(2, "ARGUMENT_CONFLICT", "logs", "dev", "--operator");
  });
});

describe("approve", () => {
  const rotation = () => api.cluster.all<ValidatorRotation>("ValidatorRotation")[0]!;

  test("names the very plan, once a person has seen it", async () => {
    await done("approve", ...SET, "--latest", "--dry-run");
    expect(rotation().metadata.annotations?.["quorate.dev/approve"]).toBeUndefined();
    await done("approve", "dev", rotation().metadata.name, "-n", NAMESPACE);
    const { metadata, status } = rotation();
    expect(metadata.annotations?.["quorate.dev/approve"]).toBe(status?.planHash);
  });

  test("an expired plan, another phase, another mode, no such rotation", async () => {
    const { name } = rotation().metadata;
    await refused(2, "ARGUMENT_MISSING", "approve", ...SET);
    await refused(1, "ROTATION_NOT_FOUND", "approve", "dev", "x", "-n", NAMESPACE);
    line.nowMs += 3_600_000;
    await refused(1, "PLAN_EXPIRED", "approve", ...SET, "--latest");
    const was = rotation();
    api.cluster.put({ ...was, status: { ...was.status, phase: "Effective" } } as typeof was);
    await refused(1, "NOTHING_TO_APPROVE", "approve", "dev", name, "-n", NAMESPACE);
    api.change(({ spec }) => ({ spec: { ...spec, mode: "Auto" } }));
    await refused(1, "NOTHING_TO_APPROVE", "approve", ...SET, "--latest");
  });
});

describe("the owner's signature", () => {
  const verifies = (message: Uint8Array, signature: string) =>
    ed25519.verify(api.owner.publicKey, message, fromHex(signature));
  const member = (name: string) => api.set.status!.members.find((each) => each.name === name)!;
  const chainId = () => api.set.status!.genesisHash;

  test("rotate signs what the ledger verifies, bound to chain, set and nonce", async () => {
    const object = parse(await done("rotate", "dev", "1", "-n", NAMESPACE, ...OWNER, "--dry-run"));
    const { setHash, ownerSignature, member: key } = object.spec;
    expect(object.spec).toMatchObject({
      cause: "Owner",
      set: "dev",
      member: member("dev-1").consensusKey,
    });
    expect(setHash).toBe(api.set.status?.chain.setHash);
    const { nonce, signature } = ownerSignature;
    const bytes = (chain: string) =>
      ownerRotationSigningBytes(chain, { kind: "owner-rotation", member: key, setHash, nonce });
    expect(verifies(bytes(chainId()), signature)).toBe(true);
    expect(verifies(bytes("00".repeat(32)), signature)).toBe(false);
  });

  test("rotate creates one object; a dry run none", async () => {
    await done("rotate", "dev", "1", "-n", NAMESPACE, ...OWNER, "--dry-run");
    const count = () => api.cluster.all("ValidatorRotation").length;
    expect(count()).toBe(1);
    await done("rotate", "dev", "1", "-n", NAMESPACE, ...OWNER);
    expect(count()).toBe(2);
  });

  test("endorse signs the registration that the operator will send", async () => {
    await done("endorse", "dev", "dev-4", "-n", NAMESPACE, ...OWNER);
    const { consensusKey, networkKey } = member("dev-4");
    const [entry] = api.set.spec.endorsements;
    expect(entry?.key).toBe(consensusKey);
    const bytes = registrationSigningBytes(chainId(), "owner", {
      owner: api.owner.publicKey,
      key: consensusKey,
      networkKey,
      address: "10.0.0.5:7001",
      bond: BigInt(api.set.spec.genesis.seatPower),
    });
    expect(verifies(bytes, entry?.signature ?? "")).toBe(true);
  });

  test("a foreign key, a spare, a registered member, a file that is no key", async () => {
    line.files.set("x.pem", AccountKey.generate().toPem());
    const at = ["-n", NAMESPACE];
    await refused(2, "NOT_THE_OWNER", "rotate", "dev", "1", ...at, "--owner-key", "x.pem");
    await refused(1, "NOT_A_MEMBER", "rotate", "dev", "4", ...at, ...OWNER);
    await refused(1, "ALREADY_REGISTERED", "endorse", "dev", "1", ...at, ...OWNER);
    line.files.set("bad.pem", "no key");
    await refused(2, "KEY_MALFORMED", "rotate", "dev", "1", ...at, "--owner-key", "bad.pem");
  });

  test("the private key is in no output", async () => {
    const secret = api.owner.toPem().split("\n")[1] ?? "";
    for (const extra of [[], ["--dry-run"], ["--json"]]) {
      const said = await done("rotate", "dev", "1", "-n", NAMESPACE, ...OWNER, ...extra);
      expect(said).not.toContain(secret);
      expect(said).not.toContain("07".repeat(16));
    }
    expect(JSON.stringify([...api.cluster.stored.values()])).not.toContain(secret);
  });
});

describe("up and down", () => {
  const folder = "/home/alice/.local/state/quorate";

  test("up starts once, installs, and prints what to do next", async () => {
    const said = await done("up", "--nodes", "3");
    expect(line.localCluster.started).toEqual({ folder, nodes: 3 });
    expect(said).toMatch(/^export KUBECONFIG=\/home\/alice\/.local\/state\/quorate\/kubeconfig\n/);
    expect(api.cluster.writes).toContain("apply Deployment/quorate-operator");
    line.localCluster.started = undefined;
    await done("up");
    expect(line.localCluster.started).toBeUndefined();
  });

  test("--no-operator leaves the cluster bare", async () => {
    const before = api.cluster.writes.length;
    await done("up", "--no-operator");
    expect(api.cluster.writes.length).toBe(before);
  });

  test("an operator that never gets ready is exit code 3, with where to look", async () => {
    line.localCluster.operatorReplicas = 0;
    const ran = await line.run("up");
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain("logs --operator");
    expect(line.progress.some((text) => text.includes("still waiting"))).toBe(true);
  });

  test("down keeps the state and says so; again it does nothing", async () => {
    await done("up");
    expect(await done("down")).toContain(`kept in ${folder}`);
    expect(await done("down")).toContain("no local cluster runs");
    expect(line.localCluster.folders.has(folder)).toBe(true);
  });

  test("--delete needs the word, before anything is stopped", async () => {
    await done("up");
    await refused(2, "CONFIRMATION_MISSING", "down", "--delete");
    await refused(2, "CONFIRMATION_MISSING", "down", "--delete", "--confirm", "yes");
    await refused(2, "ARGUMENT_CONFLICT", "down", "--confirm", "quorate");
    expect(line.localCluster.running(folder)).toBeDefined();
    await done("down", "--delete", "--confirm", "quorate");
    expect(line.localCluster.folders.has(folder)).toBe(false);
  });

  test("a folder of somebody else is never deleted", async () => {
    line.localCluster.foreign.add("/home/alice");
    const words = ["--folder", "/home/alice", "--delete", "--confirm", "alice"];
    await refused(2, "NOT_A_CLUSTER_FOLDER", "down", ...words);
  });

  test("a daemon that does not end is exit code 3", async () => {
    await done("up");
    line.localCluster.isDeaf = true;
    await refused(3, "NOT_IN_TIME", "down");
  });

  test.each(["0", "51", "many"])("--nodes %s is refused", async (nodes) => {
    await refused(2, "ARGUMENT_MALFORMED", "up", "--nodes", nodes);
  });
});

test("as kubectl's plugin help shows the name that a person types", async () => {
  line.programName = "kubectl quorate";
  const { stdout } = await line.run("status", "--help");
  expect(stdout).toContain("Usage: kubectl quorate status");
  expect(stdout).toContain("Example:\n  kubectl quorate status dev");
});
