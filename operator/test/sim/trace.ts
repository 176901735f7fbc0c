const KEPT_LINES = 120;

/** What happened, for people: the last lines of a run, or all of them where somebody prints. */
export class Trace {
  readonly #lines: string[] = [];
  readonly #print: ((line: string) => void) | undefined;
  readonly #names = new Map<string, string>();
  #digest = 0;

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  /** Keys and their beginnings are printed as this. */
  name(key: string, name: string): void {
    this.#names.set(key.slice(0, 8), name);
  }

  add(atMs: number, who: string, text: string): void {
    const named = text.replace(/\b[0-9a-f]{8}(?:[0-9a-f]{56})?\b/g, (key) => {
      return this.#names.get(key.slice(0, 8)) ?? key.slice(0, 8);
    });
    const line = `${(atMs / 1_000).toFixed(3).padStart(9)} ${who.padEnd(9)} ${named}`;
    for (let index = 0; index < line.length; index += 1) {
      this.#digest = (Math.imul(this.#digest, 31) + line.charCodeAt(index)) | 0;
    }
    this.#print?.(line);
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
  }

  /** Of all lines ever: equal runs have equal digests. */
  get digest(): number {
    return this.#digest;
  }

  lines(): readonly string[] {
    return [...this.#lines];
  }
}
