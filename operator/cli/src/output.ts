/** What a command has to say: one JSON document, and the same for people. */
export interface CommandOutput {
  /** Names its schema: docs/schemas/<command with dashes>.schema.json. */
  readonly document: { readonly command: string };
  readonly lines: readonly string[];
}

/** One JSON document; money, power, lots and ticks as decimal strings, because they exceed 2^53. */
export function toJson(document: object): string {
  return JSON.stringify(
    document,
    (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
    2,
  );
}
