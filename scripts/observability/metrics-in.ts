/** Names of the series that a PromQL query asks for, each once. */
export function metricsIn(query: string): readonly string[] {
  const bare = query
    .replace(/"[^"]*"/g, "")
    .replace(/\{[^}]*\}/g, "")
    .replace(/\[[^\]]*\]/g, "")
    .replace(/\boffset\s+\w+/g, "")
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, "");
  const words = bare.matchAll(/(?<![\w:.$])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])/g);
  const found = [...words].map(([word]) => word);
  return [...new Set(found.filter((word) => !WORDS.has(word)))];
}

/** Operators of PromQL, and aggregations before their `by`. */
const WORDS = new Set(["and", "or", "unless", "bool", "sum", "max", "min", "count", "avg", "topk"]);
