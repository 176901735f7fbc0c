import type { ResourceType } from "@quorate/runtime/objects";
import { API_VERSION } from "../api/v1alpha1/labels.ts";
import type { ValidatorRotation, ValidatorSet } from "../api/v1alpha1/types.ts";

export const validatorSets: ResourceType<ValidatorSet> = {
  apiVersion: API_VERSION,
  kind: "ValidatorSet",
  plural: "validatorsets",
  namespaced: true,
};

export const validatorRotations: ResourceType<ValidatorRotation> = {
  apiVersion: API_VERSION,
  kind: "ValidatorRotation",
  plural: "validatorrotations",
  namespaced: true,
};
