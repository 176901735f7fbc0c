/** The last lines of a run, rendered only when somebody wants to read them. */
export interface Trace {
  add(atMs: number, node: string, text: () => string): void;
  lines(): readonly string[];
}

type Entry = readonly [atMs: number, node: string, text: () => string];

function render([atMs, node, text]: Entry, names: ReadonlyMap<string, string>): string {
  // Keys and their beginnings become the names of their nodes.
  const named = text().replace(/\b[0-9a-f]{6,64}\b/g, (key) => names.get(key.slice(0, 6)) ?? key);
  return `${(atMs / 1000).toFixed(4).padStart(9)} ${node.padEnd(4)} ${named}`;
}

export interface TraceOptions {
  readonly linesMax: number;
  /** Name of a node, by the first six characters of its keys. */
  readonly names: ReadonlyMap<string, string>;
  readonly print: ((line: string) => void) | undefined;
}

export function createTrace({ linesMax, names, print }: TraceOptions): Trace {
  const ring: Entry[] = [];
  let count = 0;
  return {
    add(atMs, node, text) {
      const entry: Entry = [atMs, node, text];
      if (print !== undefined) print(render(entry, names));
      ring[count % linesMax] = entry;
      count += 1;
    },
    lines() {
      const start = count > linesMax ? count % linesMax : 0;
      return [...ring.slice(start), ...ring.slice(0, start)].map((entry) => render(entry, names));
    },
  };
}
