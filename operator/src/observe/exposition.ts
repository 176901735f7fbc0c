import type { Series } from "./peer-metrics.ts";

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?[ \t]*$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\.)*)"[ \t]*(?:,[ \t]*|$)/y;

/** An escape of a label's value: `\\`, `\"` and `\n`; any other stands for itself. */
function plainText(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}

function labelsOf(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    if (match === null) return undefined;
    labels[match[1] ?? ""] = plainText(match[2] ?? "");
  }
  return labels;
}

function numberOf(text: string): number | undefined {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  if (text === "NaN") return Number.NaN;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

/**
 * Series of the given names in Prometheus' text format 0.0.4. Undefined where a line of the text is
 * no such format: then nothing of it is believed.
 */
export function parseExposition(text: string, names: ReadonlySet<string>): Series[] | undefined {
  const found: Series[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const match = LINE.exec(line);
    if (match === null) return undefined;
    const [, name = "", inner = "", digits = ""] = match;
    if (!names.has(name)) continue;
    const labels = labelsOf(inner);
    const value = numberOf(digits);
    if (labels === undefined || value === undefined) return undefined;
    found.push({ name, labels, value });
  }
  return found;
}
