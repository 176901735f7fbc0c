import { closeSync, existsSync, openSync, readFileSync, readSync, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import { logFile, logFiles } from "./container-log.ts";

export interface ReadOptions {
  readonly follow: boolean;
  readonly tailLines?: number;
  readonly sinceMs?: number;
  readonly limitBytes?: number;
  readonly timestamps: boolean;
  readonly signal: AbortSignal;
}

export interface LifeLog {
  readonly folder: string;
  readonly life: number;
  /** Still running: asked again before each wait. */
  readonly running: () => boolean;
  /** Called once when it ends. */
  readonly onEnd: (listener: () => void) => void;
}

interface Line {
  readonly time: string;
  readonly text: string;
  readonly whole: boolean;
}

/** The log of one life of a container as `kubectl logs` shows it. */
export async function* readLog(log: LifeLog, options: ReadOptions): AsyncGenerator<Uint8Array> {
  const shape = new Shape(options);
  const current = logFile(log.folder, log.life);
  const from = new LineFile(current);
  try {
    // The newest file is opened first: a rotation in between moves it and loses nothing.
    const rotated = logFiles(log.folder, log.life).filter((file) => file !== current);
    const past = [...rotated.flatMap((file) => parse(readFileSync(file, "utf8"))), ...from.read()];
    yield* shape.out(
      tail(
        past.filter((line) => shape.isRecent(line)),
        options.tailLines,
      ),
    );
    if (options.follow) yield* follow(log, { from, shape, signal: options.signal });
  } finally {
    from.close();
  }
}

async function* follow(
  log: LifeLog,
  { from, shape, signal }: { from: LineFile; shape: Shape; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  let wake: () => void = () => undefined;
  let changed = true;
  const notice = () => {
    changed = true;
    wake();
  };
  const watcher = watch(dirname(logFile(log.folder, log.life)), notice);
  signal.addEventListener("abort", notice, { once: true });
  log.onEnd(notice);
  try {
    while (!signal.aborted && !shape.full) {
      changed = false;
      const ended = !log.running();
      yield* shape.out(from.read());
      if (from.reopenIfRotated()) continue;
      if (ended) return;
      if (!changed) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    watcher.close();
    signal.removeEventListener("abort", notice);
  }
}

/** Filters by time, cuts at the limit, drops or keeps the times. */
class Shape {
  readonly #options: ReadOptions;
  #left: number;

  constructor(options: ReadOptions) {
    this.#options = options;
    this.#left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  get full(): boolean {
    return this.#left <= 0;
  }

  isRecent({ time }: Line): boolean {
    const { sinceMs } = this.#options;
    return sinceMs === undefined || Date.parse(time) >= sinceMs;
  }

  *out(lines: readonly Line[]): Generator<Uint8Array> {
    if (lines.length === 0 || this.full) return;
    const text = lines.map(({ time, text: line, whole }) => {
      const stamp = this.#options.timestamps ? `${time} ` : "";
      return `${stamp}${line}${whole ? "\n" : ""}`;
    });
    const bytes = Buffer.from(text.join(""));
    const cut = bytes.subarray(0, Math.min(bytes.length, this.#left));
    this.#left -= cut.length;
    yield cut;
  }
}

function tail(lines: readonly Line[], count: number | undefined): readonly Line[] {
  if (count === undefined) return lines;
  return count === 0 ? [] : lines.slice(-count);
}

function parse(text: string): readonly Line[] {
  return text.split("\n").flatMap((line) => {
    const match = /^(\S+) (?:stdout|stderr) ([FP]) (.*)$/s.exec(line);
    if (match === null) return [];
    return [{ time: match[1] ?? "", whole: match[2] === "F", text: match[3] ?? "" }];
  });
}

/** Reads whole lines of a growing file. */
class LineFile {
  readonly #path: string;
  #descriptor: number;
  #inode: number;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path, "r");
    this.#inode = statSync(path).ino;
  }

  read(): readonly Line[] {
    const parts = [this.#rest];
    for (;;) {
      const buffer = Buffer.allocUnsafe(64 * 1024);
      const count = readSync(this.#descriptor, buffer);
      if (count === 0) break;
      parts.push(buffer.subarray(0, count));
    }
    const all = Buffer.concat(parts);
    const end = all.lastIndexOf(0x0a) + 1;
    this.#rest = all.subarray(end);
    return parse(all.subarray(0, end).toString());
  }

  /** True where the path holds another file by now; the rest of the old one was read before. */
  reopenIfRotated(): boolean {
    if (!existsSync(this.#path)) return false;
    const { ino } = statSync(this.#path);
    if (ino === this.#inode) return false;
    closeSync(this.#descriptor);
    this.#descriptor = openSync(this.#path, "r");
    this.#inode = ino;
    this.#rest = Buffer.alloc(0);
    return true;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
