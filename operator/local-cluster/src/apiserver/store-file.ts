import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Change, Journal, StoredState } from "./object-store.ts";
import type { ApiObject } from "./objects.ts";

type Line =
  | { readonly version: number; readonly resource: string; readonly object: ApiObject }
  | {
      readonly version: number;
      readonly resource: string;
      readonly gone: { readonly namespace: string; readonly name: string };
    }
  | { readonly version: number };

/** Lines beyond those of living objects that the file may hold before it is written anew. */
const SLACK_LINES = 4_000;

/**
 * The objects in one file of JSON lines, one line a write. At start, and when it has grown, it is
 * written anew beside itself and renamed, so a crash at any moment leaves a file that reads. A line
 * that a crash tore is the last one and is left out. Kills of the process lose nothing; a power cut
 * may lose the last writes, which is enough for a cluster that lives on one machine. A write that
 * fails (a full disk) is cut off again and refused: nobody has seen it.
 */
export class StoreFile implements Journal {
  readonly state: StoredState;
  readonly #path: string;
  readonly #objects = new Map<string, { resource: string; object: ApiObject }>();
  #descriptor: number;
  /** Bytes of whole lines in the file. */
  #size = 0;
  #broken: Error | undefined;
  #lines = 0;
  #version: number;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#path = join(folder, "objects.jsonl");
    this.#version = 1;
    if (existsSync(this.#path)) this.#read(readFileSync(this.#path, "utf8"));
    this.state = { version: this.#version, objects: [...this.#objects.values()] };
    this.#descriptor = this.#rewrite();
  }

  append(change: Change): void {
    const { version, resource, object } = change;
    const { namespace = "", name } = object.metadata;
    const line: Line =
      change.type === "DELETED"
        ? { version, resource, gone: { namespace, name } }
        : { version, resource, object };
    this.#write(`${JSON.stringify(line)}\n`);
    this.#replay(line);
    this.#lines += 1;
    if (this.#lines > this.#objects.size + SLACK_LINES) this.#shrink();
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** All of the text or nothing of it: a part would swallow the line that comes after. */
  #write(text: string): void {
    if (this.#broken !== undefined) throw this.#broken;
    const bytes = Buffer.from(text);
    try {
      writeAll(this.#descriptor, bytes, this.#size);
    } catch (cause) {
      this.#cut();
      throw new Error(`${this.#path} could not be written: ${messageOf(cause)}`, { cause });
    }
    this.#size += bytes.length;
  }

  /** What cannot be cut off either stays as a torn line: nothing may be written after it. */
  #cut(): void {
    try {
      ftruncateSync(this.#descriptor, this.#size);
    } catch (cause) {
      this.#broken = new Error(
        `${this.#path} ends in half a line that could not be cut off (${messageOf(cause)}): ` +
          "nothing more is written; make room and start the local cluster again",
        { cause },
      );
    }
  }

  /** Where there is no room for the new file, the old one, which is whole, goes on for a while. */
  #shrink(): void {
    const old = this.#descriptor;
    try {
      this.#descriptor = this.#rewrite();
    } catch {
      this.#lines = this.#objects.size;
      return;
    }
    closeSync(old);
  }

  #read(text: string): void {
    const lines = text.split("\n");
    const torn = lines.pop();
    for (const [index, line] of lines.entries()) {
      try {
        this.#replay(JSON.parse(line) as Line);
      } catch (cause) {
        const where = `${this.#path}:${index + 1}`;
        throw new Error(`${where} is not a line of JSON: remove the folder to start anew`, {
          cause,
        });
      }
    }
    if (torn !== undefined && torn !== "") this.#version += 1;
  }

  #replay(line: Line): void {
    this.#version = line.version;
    if ("object" in line) {
      const { namespace = "", name } = line.object.metadata;
      const key = `${line.resource}/${namespace}/${name}`;
      this.#objects.set(key, { resource: line.resource, object: line.object });
    } else if ("gone" in line) {
      this.#objects.delete(`${line.resource}/${line.gone.namespace}/${line.gone.name}`);
    }
  }

  #rewrite(): number {
    const fresh = `${this.#path}.new`;
    const descriptor = openSync(fresh, "w", 0o600);
    let size = 0;
    try {
      const objects = [...this.#objects.values()].map((one) => ({
        version: this.#version,
        ...one,
      }));
      for (const line of [...objects, { version: this.#version }]) {
        const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
        writeAll(descriptor, bytes, size);
        size += bytes.length;
      }
      fsyncSync(descriptor);
      renameSync(fresh, this.#path);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    this.#size = size;
    this.#lines = this.#objects.size + 1;
    return descriptor;
  }
}

/** A write may take fewer bytes than it was given, as on a disk that fills up. */
function writeAll(descriptor: number, bytes: Buffer, position: number): void {
  for (let at = 0; at < bytes.length; ) {
    const written = writeSync(descriptor, bytes, at, bytes.length - at, position + at);
    if (written === 0) throw new Error("no byte was taken");
    at += written;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
