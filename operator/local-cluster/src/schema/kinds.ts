import { compileBuiltinKinds } from "./builtin-kinds.ts";
import type { CompiledKind } from "./compiled-kind.ts";
import { compileDefinition } from "./crd-compile.ts";

export type { CompiledKind, PrinterColumn, ScalePaths } from "./compiled-kind.ts";

/** `apiVersion` of a kind's objects. */
export function apiVersionOf(kind: { readonly group: string; readonly version: string }): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}

let builtin: readonly CompiledKind[] | undefined;

/** The kinds that the server has from the start. */
export function builtinKinds(): readonly CompiledKind[] {
  builtin ??= compileBuiltinKinds();
  return builtin;
}

/**
 * The served versions of a CustomResourceDefinition.
 *
 * @throws ApiStatus (Invalid) with the causes of a real API server.
 */
export function compileCrd(crd: unknown): readonly CompiledKind[] {
  return compileDefinition(crd);
}
