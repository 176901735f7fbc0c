/** The last lines of a run, rendered only when somebody wants to read them. */
export interface Trace {
  add(atMs: number, node: string, text: () => string): void;
  lines(): readonly string[];
}

type Entry = readonly [atMs: number, node: string, text: () => string];

function render([atMs, node, text]: Entry): string {
  return `${(atMs / 1000).toFixed(4).padStart(9)} ${node.padEnd(4)} ${text()}`;
}

export function createTrace(linesMax: number, print?: (line: string) => void): Trace {
  const ring: Entry[] = [];
  let count = 0;
  return {
    add(atMs, node, text) {
      const entry: Entry = [atMs, node, text];
      if (print !== undefined) print(render(entry));
      ring[count % linesMax] = entry;
      count += 1;
    },
    lines() {
      const start = count > linesMax ? count % linesMax : 0;
      return [...ring.slice(start), ...ring.slice(0, start)].map(render);
    },
  };
}
