import type { WriteOptions } from "./core.ts";
import {
  type ApiCall,
  decodeBody,
  managerOf,
  mediaType,
  type Query,
  type ResourcePath,
} from "./request.ts";
import type { PatchCall } from "./writer.ts";

const OPTIONS: Readonly<Record<string, string>> = { POST: "CreateOptions", PATCH: "PatchOptions" };

/** A request for a resource, taken apart. */
export interface Request {
  readonly call: ApiCall;
  readonly query: Query;
  readonly path: ResourcePath;
}

export function writeOptions({ call, query }: Request): WriteOptions {
  return {
    fieldManager: managerOf(call, query),
    fieldValidation: query.fieldValidation,
    dryRun: query.dryRun(OPTIONS[call.method] ?? "UpdateOptions"),
  };
}

export function patchOf({ call, query }: Request): PatchCall {
  return { patch: decodeBody(call), contentType: mediaType(call), force: query.flag("force") };
}
