import type { JsonSchema, Schema } from "./schema.ts";

/** Paths of the scale subresource, JSON paths with a leading dot. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** A column of `kubectl get` that a CRD declares; built-in kinds have theirs in the table code. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

/** One served version of one kind, ready for admission and patches. */
export interface CompiledKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly subresources: { readonly status: boolean; readonly scale?: ScalePaths };
  readonly columns: readonly PrinterColumn[];
  /** The kind's own schema for /openapi/v3; `$ref`s resolve in `openapiComponents`. */
  readonly openapi: JsonSchema;
  /** Its name among `components.schemas`, e.g. `io.k8s.api.core.v1.Pod`. */
  readonly openapiName: string;
  readonly builtin: boolean;
  readonly schema: Schema;
}
