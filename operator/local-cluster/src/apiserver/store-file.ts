import {
  closeSync,
  existsSync,
  fsyncSync,
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
 * may lose the last writes, which is enough for a cluster that lives on one machine.
 */
export class StoreFile implements Journal {
  readonly state: StoredState;
  readonly #path: string;
  readonly #objects = new Map<string, { resource: string; object: ApiObject }>();
  #descriptor: number;
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
    this.#replay(line);
    writeSync(this.#descriptor, `${JSON.stringify(line)}\n`);
    this.#lines += 1;
    if (this.#lines > this.#objects.size + SLACK_LINES) {
      closeSync(this.#descriptor);
      this.#descriptor = this.#rewrite();
    }
  }

  close(): void {
    closeSync(this.#descriptor);
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
    for (const { resource, object } of this.#objects.values()) {
      writeSync(descriptor, `${JSON.stringify({ version: this.#version, resource, object })}\n`);
    }
    writeSync(descriptor, `${JSON.stringify({ version: this.#version })}\n`);
    fsyncSync(descriptor);
    renameSync(fresh, this.#path);
    this.#lines = this.#objects.size + 1;
    return descriptor;
  }
}
