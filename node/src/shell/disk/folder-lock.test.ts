import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockFolder } from "./folder-lock.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "quorate-lock-"));
});
afterEach(() => rm(folder, { recursive: true }));

const module = new URL("./folder-lock.ts", import.meta.url).href;

/** Takes the lock in a process of its own and ends there as `then` says. */
function lockElsewhere(then: string) {
  const source = `import { lockFolder } from ${JSON.stringify(module)};
    lockFolder(process.argv[1]);
    ${then};`;
  return spawnSync(process.execPath, ["--input-type=module", "-e", source, folder], {
    encoding: "utf8",
  });
}

describe("rule JOURNAL: one process per data folder", () => {
  test("rule JOURNAL: a second process on the data folder is refused by name", () => {
    const lock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow("another process");
    const { status, stderr } = lockElsewhere("process.exit(0)");
    expect(status).not.toBe(0);
    expect(stderr).toContain("FOLDER_LOCKED");
    lock.release();
    expect(lockElsewhere("process.exit(0)").status).toBe(0);
  });

  test("rule JOURNAL: a killed process leaves no lock behind", () => {
    expect(lockElsewhere('process.kill(process.pid, "SIGKILL")').signal).toBe("SIGKILL");
    lockFolder(folder).release();
  });
});
