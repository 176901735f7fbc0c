import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ApiStatus } from "../apiserver/api-status.ts";
import { compileCrd } from "./kinds.ts";

const recorded = JSON.parse(
  readFileSync(new URL("./recorded/crds.json", import.meta.url), "utf8"),
) as Recorded[];

interface Recorded {
  readonly case: string;
  readonly object: object;
  readonly code: number;
  readonly status?: { readonly message: string; readonly details?: { causes?: unknown } };
}

/** Refused here too, with another text: CEL's syntax errors, Go's dump of a version. */
const OTHER_WORDS = new Set(["rule syntax", "no storage version", "bad version name"]);
/** Cost estimates don't exist here; unknown fields are refused by `admit`, before this. */
const NOT_JUDGED = new Set(["rule too costly", "unknown field in crd"]);

describe("a CRD is judged as the API server v1.34.4 judged it", () => {
  for (const entry of recorded) {
    test(entry.case, () => {
      const outcome = judge(entry.object);
      if (entry.code === 201 || NOT_JUDGED.has(entry.case)) expect(outcome).toBeUndefined();
      else if (OTHER_WORDS.has(entry.case)) expect(outcome?.code).toBe(422);
      else {
        expect(outcome?.message).toBe(entry.status?.message);
        expect(outcome?.causes).toEqual(entry.status?.details?.causes);
      }
    });
  }
});

function judge(crd: object): ApiStatus | undefined {
  try {
    compileCrd(crd);
    return undefined;
  } catch (error) {
    if (error instanceof ApiStatus) return error;
    throw error;
  }
}
