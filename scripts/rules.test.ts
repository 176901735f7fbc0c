import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { mutants } from "../node/test/mutants/mutants.ts";

const repository = fileURLToPath(new URL("..", import.meta.url));
const read = (file: string): string => readFileSync(join(repository, file), "utf8");
const index = read("node/spec/rules.md");

interface Rule {
  readonly name: string;
  readonly text: string;
}

/** The rows of the tables: rule, sentence, where its text is. */
const rules: readonly Rule[] = [...index.matchAll(/^\| ([A-Z][A-Z0-9-]*) \| .+ \| (.+) \|$/gm)].map(
  ([, name, text]) => ({ name: String(name), text: String(text) }),
);
const names = rules.map(({ name }) => name);
const elsewhere = [...index.matchAll(/^- ([A-Z][A-Z-]*): /gm)].map(([, name]) => String(name));

const files = globSync("node/{src,test}/**/*.ts", { cwd: repository }).toSorted();
const isTest = (file: string): boolean => file.endsWith(".test.ts");
const comments = (text: string): readonly string[] =>
  text.split("\n").filter((line) => /^\s*(?:\/\*\*|\*|\/\/)|\s\/\/ /.test(line));
const cites = (text: string, name: string): boolean =>
  new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(text);

describe("node/spec/rules.md", () => {
  test("every rule is listed once, and its text is in a page that is there", () => {
    expect(names.length).toBeGreaterThan(40);
    expect(new Set([...names, ...elsewhere]).size).toBe(names.length + elsewhere.length);
    const pages = rules.flatMap(({ text }) => text.match(/[\w/-]+\.md/g) ?? [`none: ${text}`]);
    const missing = pages.filter(
      (page) => !existsSync(join(repository, page.includes("/") ? page : `node/spec/${page}`)),
    );
    expect(missing).toEqual([]);
  });

  test("every rule is cited by the code", () => {
    const sources = files.filter((file) => file.startsWith("node/src/") && !isTest(file));
    const text = sources.flatMap((file) => comments(read(file))).join("\n");
    expect(names.filter((name) => !cites(text, name))).toEqual([]);
  });

  test("no comment cites a rule that is not there", () => {
    const known = new Set([...names, ...elsewhere]);
    const unknown = files.flatMap((file) =>
      comments(read(file)).flatMap((line) => {
        const named = [
          ...line.matchAll(/\brule ([A-Z][A-Z0-9-]+)\b|(?<![\w-])(R\d+|E\d)(?![\w-])/g),
        ];
        const found = named.map(([, word, numbered]) => word ?? numbered ?? "");
        return found.filter((name) => !known.has(name)).map((name) => `${file}: ${name}`);
      }),
    );
    expect(unknown).toEqual([]);
  });

  test("every rule has a test that carries its name", () => {
    const titles = files.filter(isTest).flatMap((file) => {
      return [...read(file).matchAll(/\b(?:test|describe)\b[^"`]*?["`]([^"`]+)["`]/g)];
    });
    const text = titles.map(([, title]) => title).join("\n");
    expect(names.filter((name) => !cites(text, name))).toEqual([]);
  });

  test("every rule has a mutant that carries its name", () => {
    const text = mutants.map(({ rule, testName }) => `${rule}\n${testName}`).join("\n");
    expect(names.filter((name) => !cites(text, name))).toEqual([]);
  });

  test.each([
    "node/src/consensus/step.ts",
    "node/src/consensus/messages.ts",
    "node/src/ledger/apply-transaction.ts",
  ])("every arm that does something in %s cites its rules", (file) => {
    const lines = read(file).split("\n");
    const calls = /^ {6}(?:return )?(?:on|count|apply|queue|keep|turn\.change)\w*\(/;
    const silent = lines.flatMap((line, at) => {
      if (!calls.test(line)) return [];
      const arm = lines.slice(0, at).findLastIndex((each) => !/^ {6}/.test(each));
      const first = lines
        .slice(0, arm + 1)
        .findLastIndex((each) => !/^ {4}(?:case|default)/.test(each));
      const cited = lines[first] ?? "";
      return /^ {4}\/\/ /.test(cited) && names.some((name) => cites(cited, name)) ? [] : [at + 1];
    });
    expect(silent).toEqual([]);
  });
});
