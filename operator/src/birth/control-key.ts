import type { KubeClient } from "@quorate/runtime/kube-client";
import { type Secret, secrets } from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import type { ControlKeys } from "../ports.ts";

/** Secret in the operator's namespace with the key of its control client (rule LISTENERS). */
export const CONTROL_SECRET = "quorate-control";
const FIELD = "control.pem";

/** The Secret is there and holds no such key: a person put something else there. */
export class ControlSecretError extends Error {
  override readonly name = "ControlSecretError";
}

/**
 * The control key as PEM: read, or made once; the second writer takes what is there. It is no
 * chain key: whoever has it can ask nodes who they are, and no more.
 */
export async function controlKey(
  kube: KubeClient,
  keys: ControlKeys,
  namespace: string,
): Promise<string> {
  const key = { namespace, name: CONTROL_SECRET };
  const there = await kube.get(secrets, key);
  if (there !== undefined) return pemOf(there);
  const object: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { ...key, labels: { "app.kubernetes.io/managed-by": "quorate-operator" } },
    type: "Opaque",
    immutable: true,
    data: { [FIELD]: Buffer.from(keys.create(), "utf8").toString("base64") },
  };
  try {
    return pemOf(await kube.create(secrets, object));
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "AlreadyExists") throw error;
    const other = await kube.get(secrets, key);
    if (other === undefined) throw error;
    return pemOf(other);
  }
}

function pemOf({ data, metadata }: Secret): string {
  const value = data?.[FIELD];
  if (value !== undefined) return Buffer.from(value, "base64").toString("utf8");
  const where = `Secret ${metadata.namespace}/${metadata.name}`;
  throw new ControlSecretError(`${where} has no ${FIELD}; delete it and it is made anew`);
}
