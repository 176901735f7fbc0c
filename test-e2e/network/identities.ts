import { randomBytes } from "node:crypto";
import type { KeyPair } from "../stranger/keys.ts";
import { Control, type Identity } from "./control.ts";
import { eventually } from "./eventually.ts";
import type { NodePlace } from "./node-folder.ts";

const BIRTH_MS = 30_000;

/** Asks a node without genesis for its keys, again until it answers (rule GENESIS). */
export function askIdentity(place: NodePlace, operator: KeyPair): Promise<Identity> {
  const request = {
    setUid: "main-job",
    podUid: place.name,
    token: randomBytes(16).toString("hex"),
  };
  return eventually(
    async () => {
      const control = await Control.open(place.control, operator);
      try {
        return await control.identity(request);
      } catch (error) {
        if (isUnavailable(error)) return undefined;
        throw error;
      } finally {
        control.close();
      }
    },
    { what: `identity of ${place.name} at ${place.control}`, timeoutMs: BIRTH_MS },
  );
}

/** gRPC's UNAVAILABLE: the process does not listen yet. */
function isUnavailable(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === 14;
}
