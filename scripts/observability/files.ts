import { catalogueText } from "./catalogue.ts";

/** Everything that is generated from the metrics, by path in the repository. */
export function observabilityFiles(): ReadonlyMap<string, string> {
  return new Map([["docs/metrics.md", catalogueText()]]);
}
