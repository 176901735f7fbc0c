import type { KubeObject } from "@quorate/runtime/objects";
import { parseAllDocuments } from "yaml";

/** Every object of a manifest's text. */
export function objectsOf(text: string): readonly KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJSON() as KubeObject | null)
    .filter((object) => object !== null);
}
