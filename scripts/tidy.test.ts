import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const repository = fileURLToPath(new URL("..", import.meta.url));

/** What is tracked and what is about to be: a file is tidy before it is committed. */
function repositoryFiles(): string[] {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const output = execFileSync("git", ["-c", "safe.directory=*", ...list], {
    cwd: repository,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const files = new Set(output.split("\0"));
  return [...files].filter((file) => file !== "" && existsSync(join(repository, file)));
}

const files = repositoryFiles();
const lines = (file: string) => readFileSync(join(repository, file), "utf8").split("\n");
const isGenerated = (file: string) => file.startsWith("proto/gen/");
/** Tables of exact source texts. */
const isList = (file: string) => /^(node|operator)\/test\/mutants\//.test(file);
/** No formatter breaks a text in quotes, and a title is one. */
const withoutTexts = (line: string) => line.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`?/g, "");
const sources = files.filter((file) => file.endsWith(".ts") && !isGenerated(file));

describe("tidy", () => {
  test("sources are found", () => {
    expect(sources.length).toBeGreaterThan(0);
  });

  test("a line has at most 100 characters", () => {
    const long = sources
      .filter((file) => !isList(file))
      .flatMap((file) => lines(file).map((line, at) => ({ place: `${file}:${at + 1}`, line })))
      .filter(({ line }) => [...line].length > 100 && withoutTexts(line) === line);
    expect(long.map(({ place }) => place)).toEqual([]);
  });

  test("a source file has at most 400 lines", () => {
    const long = sources
      .filter((file) => !file.endsWith(".test.ts") && !isList(file))
      .filter((file) => lines(file).length - 1 > 400);
    expect(long).toEqual([]);
  });

  test("a leftover marker names its issue: MARKER(#12)", () => {
    const marker = /\b(?:TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))/;
    const marked = files
      .filter((file) => /\.(?:ts|js|cjs|proto|ya?ml|sh|grit)$/.test(file) && !isGenerated(file))
      .filter((file) => file !== "scripts/tidy.test.ts")
      .flatMap((file) => lines(file).map((line, at) => ({ place: `${file}:${at + 1}`, line })))
      .filter(({ line }) => marker.test(line));
    expect(marked.map(({ place }) => place)).toEqual([]);
  });

  test("a name says what is inside", () => {
    const empty = /^(?:.*-)?(?:utils?|helpers?|managers?|misc)$|^common$/;
    const named = files.filter((file) =>
      file.split("/").some((part) => empty.test(basename(part).replace(/\..*$/, ""))),
    );
    expect(named).toEqual([]);
  });

  test("no file names a package registry", () => {
    const hosts = [/registry\.[a-z0-9-]+\.(?:org|com|dev|io)/, /"resolved": "https?:/];
    const configured = process.env["npm_config_registry"];
    const own = configured === undefined ? undefined : new URL(configured).host;
    const naming = files.filter((file) => {
      const text = readFileSync(join(repository, file), "utf8");
      return hosts.some((host) => host.test(text)) || (own !== undefined && text.includes(own));
    });
    expect(naming).toEqual([]);
  });
});
