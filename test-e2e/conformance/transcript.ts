import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../network/eventually.ts";
import { mask, maskTable, type Names, sortCauses } from "./mask.ts";

const CALL_MS = 120_000;

export interface TranscriptOptions {
  readonly kubeconfigFile: string;
  /** Program to call; `kubectl` on PATH by default. */
  readonly kubectl?: string;
  readonly node: string;
  /** Told of every call with its duration. */
  readonly onCall?: (line: string, ms: number) => void;
}

export interface CallOptions {
  /** Given as standard input; `-f -` has to be among the arguments. */
  readonly input?: string;
  /** Ages and column widths are masked. */
  readonly table?: boolean;
}

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Calls kubectl and writes down what it was asked and what it said. */
export class Transcript {
  readonly #lines: string[] = [];
  readonly #options: TranscriptOptions;
  readonly #names: Names;
  readonly #home: string;

  constructor(options: TranscriptOptions) {
    this.#options = options;
    this.#names = { node: options.node };
    this.#home = mkdtempSync(join(tmpdir(), "conformance-"));
  }

  get node(): string {
    return this.#options.node;
  }

  get text(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  section(title: string): void {
    this.#lines.push("", `## ${title}`);
  }

  /** A call whose answer is part of what is compared. */
  async call(line: string, { input, table = false }: CallOptions = {}): Promise<void> {
    const { code, stdout, stderr } = await this.#run(line, input);
    const show = (text: string) => {
      const masked = sortCauses(mask(text, this.#names));
      return table ? maskTable(masked) : masked;
    };
    this.#lines.push("", `$ kubectl ${mask(line, this.#names)}`);
    this.#lines.push(...linesOf(show(stdout)), ...linesOf(show(stderr)).map((one) => `! ${one}`));
    if (code !== 0) this.#lines.push(`= ${code}`);
  }

  /** A call that prepares or asks for something, and says what it learnt to the script alone. */
  async ask(line: string, input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.#run(line, input);
    if (code !== 0) throw new Error(`kubectl ${line}: ${stderr}`);
    return stdout.trim();
  }

  /** Asks again until the server answers: some of what it publishes comes a moment later. */
  async until(line: string): Promise<void> {
    const look = async () => ((await this.#run(line)).code === 0 ? true : undefined);
    await eventually(look, { what: `kubectl ${line}`, timeoutMs: CALL_MS, everyMs: 200 });
  }

  close(): void {
    rmSync(this.#home, { recursive: true, force: true });
  }

  #run(line: string, input = ""): Promise<Answer> {
    const { kubeconfigFile, kubectl = "kubectl" } = this.#options;
    const startedMs = performance.now();
    return new Promise((resolve, reject) => {
      const child = spawn(kubectl, wordsOf(line), {
        env: {
          ...process.env,
          HOME: this.#home,
          KUBECONFIG: kubeconfigFile,
          KUBECTL_EXTERNAL_DIFF: "diff -u -N",
          // What a person does in an editor.
          KUBE_EDITOR: 'sed -i "s/colour: red/colour: green/"',
          TZ: "UTC",
        },
        // kubectl may be a program that starts another one: both belong to one group.
        detached: true,
      });
      const limit = setTimeout(() => {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      }, CALL_MS);
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        stdout += chunk;
      });
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
        stderr += chunk;
      });
      child.once("error", reject);
      child.once("close", (code) => {
        clearTimeout(limit);
        this.#options.onCall?.(line, performance.now() - startedMs);
        resolve({ code: code ?? 1, stdout, stderr });
      });
      child.stdin.on("error", () => undefined).end(input);
    });
  }
}

/** Words as a shell has them: blanks separate, single quotes hold together. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ""));
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}
