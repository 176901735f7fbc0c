import { cpSync, readFileSync, renameSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { CrashScene } from "../crash/crash-scene.ts";
import { readJournalFile } from "../crash/journal-file.ts";
import { eventually } from "../network/eventually.ts";

const NODE_PROGRAM = fileURLToPath(new URL("../../node/src/main.ts", import.meta.url));

function scrape(address: string): Promise<string> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    get({ host, port, path: "/metrics" }, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => {
        text += part.toString("utf8");
      });
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

test("rule BURN: a volume put back from yesterday burns the key before it signs anything twice", async () => {
  const scene = await CrashScene.start({ seed: 1, dropsUnsynced: false });
  try {
    const { chain, validators, record } = scene;
    const node = validators[2]!;
    const { dataDir } = node.place;
    const yesterday = `${dataDir}.yesterday`;
    cpSync(dataDir, yesterday, { recursive: true });
    await chain.height(chain.observer.height + 10);
    await node.process.remove();
    const lost = readJournalFile(join(dataDir, "journal.log"))!;
    renameSync(dataDir, `${dataDir}.today`);
    renameSync(yesterday, dataDir);
    const signedBefore = record.count("wire");
    chain.network.supervisor.start({
      name: node.place.name,
      script: NODE_PROGRAM,
      args: ["--config", node.place.configFile],
    });
    const isBurnt = async () => {
      const text = await scrape(node.place.metrics).catch(() => "");
      return /^quorate_burnt 1$/m.test(text) && /^quorate_signing 0$/m.test(text)
        ? true
        : undefined;
    };
    await eventually(isBurnt, { what: "a burnt key", timeoutMs: 30_000 });
    await chain.height(chain.observer.height + 5);
    // The others went on and were listened to; nobody heard two digests under one index.
    expect(record.count("wire")).toBeGreaterThan(signedBefore);
    expect(scene.violations).toEqual([]);
    const journal = readJournalFile(join(dataDir, "journal.log"))!;
    expect(journal.burnt).toMatch(/the journal lacks the .* that a peer has seen/);
    expect(journal.signatures.length).toBeLessThan(lost.signatures.length);
    expect(readFileSync(scene.chain.network.logFile(node), "utf8")).not.toContain("LOG_CORRUPT");
  } finally {
    await scene.stop();
  }
});
