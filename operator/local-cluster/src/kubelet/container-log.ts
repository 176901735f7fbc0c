import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/** Ten times smaller than a real kubelet's: many clusters share one disk. */
export const LOG_BYTES_MAX = 1024 * 1024;
/** Rotated files that are kept beside the current one. */
const ROTATED_MAX = 4;
/** Lives whose logs are kept: this one and the one before it (`previous`). */
const LIVES_MAX = 2;

/** File of one life of a container, as under /var/log/pods of a real machine. */
export function logFile(folder: string, life: number): string {
  return join(folder, `${life}.log`);
}

/** The files of one life, oldest first. */
export function logFiles(folder: string, life: number): readonly string[] {
  const current = logFile(folder, life);
  const rotated = Array.from({ length: ROTATED_MAX }, (_, n) => `${current}.${ROTATED_MAX - n}`);
  return [...rotated, current].filter((file) => existsSync(file));
}

/**
 * The log of one life of a container in the format of the container runtime interface: each line
 * has its time, its stream and `F` (a whole line) or `P` (a part of one).
 */
export class ContainerLog {
  readonly #file: string;
  #descriptor: number;
  #bytes: number;

  constructor(folder: string, life: number) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    removeOldLives(folder, life);
    this.#file = logFile(folder, life);
    this.#descriptor = openSync(this.#file, "a", 0o600);
    this.#bytes = statSync(this.#file).size;
  }

  /** Lines of one stream; what has no line end yet waits for the next call or for `close`. */
  stream(name: "stdout" | "stderr"): { write(chunk: Buffer): void; end(): void } {
    let rest = "";
    const decoder = new TextDecoder();
    return {
      write: (chunk) => {
        const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n");
        rest = lines.pop() ?? "";
        this.#append(name, lines);
        if (rest.length > PART_MAX) {
          this.#append(name, [rest], "P");
          rest = "";
        }
      },
      end: () => {
        if (rest !== "") this.#append(name, [rest]);
        rest = "";
      },
    };
  }

  close(): void {
    if (this.#descriptor < 0) return;
    closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  #append(stream: string, lines: readonly string[], tag: "F" | "P" = "F"): void {
    if (lines.length === 0 || this.#descriptor < 0) return;
    const prefix = `${nanosecondTime(Date.now())} ${stream} ${tag} `;
    const text = lines.map((line) => `${prefix}${line}\n`).join("");
    this.#bytes += writeSync(this.#descriptor, text);
    if (this.#bytes > LOG_BYTES_MAX) this.#rotate();
  }

  #rotate(): void {
    closeSync(this.#descriptor);
    rmSync(`${this.#file}.${ROTATED_MAX}`, { force: true });
    for (let n = ROTATED_MAX - 1; n >= 1; n -= 1) {
      if (existsSync(`${this.#file}.${n}`)) {
        renameSync(`${this.#file}.${n}`, `${this.#file}.${n + 1}`);
      }
    }
    renameSync(this.#file, `${this.#file}.1`);
    this.#descriptor = openSync(this.#file, "a", 0o600);
    this.#bytes = 0;
  }
}

const PART_MAX = 16 * 1024;

/** RFC 3339 with nine digits, of which the clock gives three. */
function nanosecondTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000000Z`;
}

function removeOldLives(folder: string, life: number): void {
  for (const name of readdirSync(folder)) {
    const of = Number.parseInt(name, 10);
    if (Number.isInteger(of) && of <= life - LIVES_MAX) rmSync(join(folder, name));
  }
}
