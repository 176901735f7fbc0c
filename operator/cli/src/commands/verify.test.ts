import { ZERO_DIGEST } from "@quorate/node/kernel/scalars";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startNetwork, type TestNetwork } from "../../../../node/client/test/network.ts";
import { account, CommandLine } from "../../test/command-line.ts";

let network: TestNetwork;
let line: CommandLine;

beforeEach(async () => {
  network = await startNetwork();
  line = new CommandLine(network);
});

afterEach(() => network.close());

/** Genesis as a file that the command line reads itself. */
function keepGenesis(): void {
  line.files.set("genesis.json", new TextDecoder().decode(network.chain.genesisBytes));
}

describe("quorate verify", () => {
  test("a saved proof is verified without a connection, from the header of the last time", async () => {
    network.chain.handOver("8");
    const online = await line.run("verify", "head", "--next", "header.json");
    expect(online).toMatchObject({ exitCode: 0, stderr: "" });
    const saved = await line.run("verify", "account", account.publicKey, "--save", "proof.json");
    expect(saved).toMatchObject({ exitCode: 0 });
    network.close();
    const fromHeader = ["verify", "file", "proof.json", "--trusted", "header.json"];
    expect(await line.run(...fromHeader)).toMatchObject({ exitCode: 0, stderr: "" });
    keepGenesis();
    expect(await line.run("verify", "file", "proof.json")).toMatchObject({ exitCode: 0 });
  });

  test("what does not hold is refused with its code, and nothing is written", async () => {
    await line.run("verify", "account", account.publicKey, "--save", "proof.json");
    keepGenesis();
    const proof = line.files.get("proof.json") ?? "";
    line.files.set("proof.json", proof.replace('"value": "', '"value": "00'));
    const changed = await line.run("verify", "file", "proof.json", "--next", "next.json");
    expect(changed.exitCode).toBe(4);
    expect(changed.stderr).toContain("STATE_NOT_PROVEN");
    expect(line.files.has("next.json")).toBe(false);
    line.files.set("proof.json", "{}");
    const empty = await line.run("verify", "file", "proof.json");
    expect(empty).toMatchObject({ exitCode: 2 });
    expect(empty.stderr).toContain("PROOF_MALFORMED: kind");
    line.files.set("header.json", "[");
    const header = await line.run("verify", "head", "--trusted", "header.json");
    expect(header.stderr).toContain("TRUSTED_HEADER_MALFORMED: --trusted file");
    const days = await line.run("verify", "head", "--trust-days", "0");
    expect(days).toMatchObject({ exitCode: 2 });
  });

  test("a start that is too old is refused, and --trust-days says how old it may be", async () => {
    line.nowMs += 15 * 86_400_000;
    const old = await line.run("verify", "head");
    expect(old.exitCode).toBe(4);
    expect(old.stderr).toContain("TRUST_EXPIRED");
    expect(await line.run("verify", "head", "--trust-days", "16")).toMatchObject({ exitCode: 0 });
  });

  test("two quorums for one height: culprits are named and reported, nothing is built on", async () => {
    const { chain, nodes } = network;
    chain.commit();
    const everybody = chain.set.members.map(({ key }) => key);
    nodes[1].lies = {
      leavesCertificate: (honest) =>
        chain.certificate({ ...honest.result, stateRoot: ZERO_DIGEST }, everybody),
    };
    const ran = await line.run("verify", "head", "--json", "--next", "next.json");
    expect(ran.exitCode).toBe(4);
    const { attack, witnesses } = JSON.parse(ran.stdout);
    expect(attack.exceedsFaults).toBe(true);
    expect(attack.culprits.map(({ report }: { report: string }) => report)).toEqual(
      everybody.map(() => "OK"),
    );
    expect(witnesses[1].verdict).toBe("differs");
    expect(line.files.has("next.json")).toBe(false);
    expect(chain.receipts.size).toBe(everybody.length);
    const silent = await line.run("verify", "head", "--json", "--no-report");
    expect(JSON.parse(silent.stdout).attack.culprits[0].report).toBeNull();
  });
});
