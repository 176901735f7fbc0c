import type { KubeClient } from "@quorate/runtime/kube-client";
import { ApiError } from "@quorate/runtime/transport";
import { API_VERSION } from "../api/v1alpha1/labels.ts";
import type { ValidatorRotation, ValidatorRotationStatus } from "../api/v1alpha1/types.ts";
import { validatorRotations } from "../observe/resources.ts";

/** A rotation whose status changed in this pass: what report tells people. */
export interface RotationChange {
  readonly rotation: ValidatorRotation;
  readonly status: ValidatorRotationStatus;
}

/** How often a status is judged again because somebody wrote first. */
const ATTEMPTS = 3;

export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.reason === "Conflict";
}

/** Compare and set: throws ApiError Conflict where the object is not the one that was read. */
export async function writeStatus(
  kube: KubeClient,
  { metadata }: ValidatorRotation,
  status: ValidatorRotationStatus,
): Promise<ValidatorRotation> {
  const { namespace = "", name, resourceVersion } = metadata;
  const written = {
    apiVersion: API_VERSION,
    kind: "ValidatorRotation" as const,
    metadata: { namespace, name, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    status,
  };
  return kube.applyStatus(validatorRotations, written as ValidatorRotation);
}

/**
 * Writes what follows from a rotation's status. Where a copy was old, the live object is read and
 * judged again: a late watch never takes a phase back.
 */
export async function changeStatus(
  kube: KubeClient,
  rotation: ValidatorRotation,
  next: (live: ValidatorRotation) => ValidatorRotationStatus | undefined,
): Promise<RotationChange | undefined> {
  let live: ValidatorRotation | undefined = rotation;
  for (let attempt = 1; live !== undefined; attempt += 1) {
    const status = next(live);
    if (status === undefined || status === live.status) return undefined;
    try {
      await writeStatus(kube, live, status);
      return { rotation: live, status };
    } catch (error) {
      if (!isConflict(error) || attempt === ATTEMPTS) throw error;
    }
    const { namespace = "", name }: ValidatorRotation["metadata"] = live.metadata;
    live = await kube.get(validatorRotations, { namespace, name });
  }
  return undefined;
}
