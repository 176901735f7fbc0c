import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ContainerLog, LOG_BYTES_MAX } from "./container-log.ts";
import { type ReadOptions, readLog } from "./log-reader.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-log-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const never = new AbortController().signal;
const ended = { running: () => false, onEnd: () => undefined };

async function text(options: Partial<ReadOptions> = {}, life = 0): Promise<string> {
  const all: Uint8Array[] = [];
  const wanted = { follow: false, timestamps: false, signal: never, ...options };
  for await (const bytes of readLog({ folder, life, ...ended }, wanted)) all.push(bytes);
  return Buffer.concat(all).toString();
}

function write(lines: string, life = 0): ContainerLog {
  const log = new ContainerLog(folder, life);
  const out = log.stream("stdout");
  out.write(Buffer.from(lines));
  out.end();
  return log;
}

describe("container log", () => {
  test("tail, limit, time and times", async () => {
    write("a\nb\nc").close();
    expect(await text()).toBe("a\nb\nc\n");
    expect(await text({ tailLines: 1 })).toBe("c\n");
    expect(await text({ tailLines: 0 })).toBe("");
    expect(await text({ limitBytes: 3 })).toBe("a\nb");
    expect(await text({ sinceMs: Date.now() + 60_000 })).toBe("");
    expect(await text({ timestamps: true, tailLines: 1 })).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z c\n$/,
    );
  });

  test("a character split between two chunks stays whole", async () => {
    const log = new ContainerLog(folder, 0);
    const out = log.stream("stdout");
    const bytes = Buffer.from("é\n");
    out.write(bytes.subarray(0, 1));
    out.write(bytes.subarray(1));
    log.close();
    expect(await text()).toBe("é\n");
  });

  test("it rotates, and reading joins the parts", async () => {
    const log = new ContainerLog(folder, 0);
    const out = log.stream("stderr");
    const line = `${"x".repeat(1_000)}\n`;
    const count = Math.ceil((1.5 * LOG_BYTES_MAX) / line.length);
    for (let n = 0; n < count; n += 1) out.write(Buffer.from(line));
    log.close();
    expect(readdirSync(folder).sort()).toEqual(["0.log", "0.log.1"]);
    expect((await text()).length).toBe(count * line.length);
  });

  test("this life and the one before are kept", async () => {
    for (const life of [0, 1, 2]) write(`life ${life}\n`, life).close();
    expect(readdirSync(folder).sort()).toEqual(["1.log", "2.log"]);
    expect(await text({}, 1)).toBe("life 1\n");
  });

  test("following gives what comes, across a rotation, until the container ends", async () => {
    const log = new ContainerLog(folder, 0);
    const out = log.stream("stdout");
    out.write(Buffer.from("first\n"));
    let running = true;
    let tellEnd: () => void = () => undefined;
    const life = {
      folder,
      life: 0,
      running: () => running,
      onEnd: (listener: () => void) => {
        tellEnd = listener;
      },
    };
    const reader = readLog(life, { follow: true, timestamps: false, signal: never });
    const next = async () => Buffer.from((await reader.next()).value ?? "").toString();
    expect(await next()).toBe("first\n");
    const pending = next();
    out.write(Buffer.from("second\n"));
    expect(await pending).toBe("second\n");
    const last = next();
    out.write(Buffer.from("third\n"));
    log.close();
    running = false;
    tellEnd();
    expect(await last).toBe("third\n");
    expect((await reader.next()).done).toBe(true);
  });
});
