import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const source = new URL("../", import.meta.url);
const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");

/**
 * Codes as they are written in refusals: `code: "X"`, `refuse("X"`, `refused("X"`, GENESIS codes,
 * and in a table of codes with their fixes: `reason: ["X", "..."]`.
 */
function codesOf(folder: string): Map<string, string> {
  const codes = new Map<string, string>();
  for (const file of readdirSync(new URL(`${folder}/`, source))) {
    if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
    const text = readFileSync(new URL(`${folder}/${file}`, source), "utf8");
    const written = /(?:\bcode: |\brefused?\(\s*|: \[)"([A-Z][A-Z0-9_]+)"|"(GENESIS_[A-Z_]+)"/g;
    for (const [, refused, genesis] of text.matchAll(written)) {
      codes.set(refused ?? genesis ?? "", `${folder}/${file}`);
    }
  }
  codes.delete("OK");
  return codes;
}

const FOLDERS = ["kernel", "ledger", "margin", "replica", "shell/door"];

describe("docs/errors.md", () => {
  test("every refusal code of kernel, ledger, margin, replica and door is explained, once", () => {
    const codes = new Map(FOLDERS.flatMap((folder) => [...codesOf(folder)]));
    expect(codes.size).toBeGreaterThan(70);
    for (const [code, file] of codes) {
      const rows = page.match(new RegExp(`^\\| \`${code}\` +\\|`, "gm")) ?? [];
      expect(rows, `${code} of ${file}`).toHaveLength(1);
    }
  });

  test("the page explains no code that nothing refuses with", () => {
    const codes = new Map(FOLDERS.flatMap((folder) => [...codesOf(folder)]));
    const listed = [...page.matchAll(/^\| `([A-Z0-9_]+)` +\|/gm)].map(([, code]) => code ?? "");
    expect(listed.filter((code) => !codes.has(code))).toEqual([]);
  });
});
