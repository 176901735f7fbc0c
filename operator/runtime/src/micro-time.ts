/**
 * A v1 MicroTime: six digits after the point. The API server refuses three
 * (research/operator.md §3.1 no. 10).
 */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}

/** A v1 Time: whole seconds. */
export function wholeSecondTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/u, "Z");
}
