import { createHash } from "node:crypto";
import type { CompiledKind } from "../schema/kinds.ts";
import { openapiComponents } from "../schema/openapi.ts";
import type { Registry } from "./registry.ts";

/** What clients look for: that a PATCH can leave the check of unknown fields to the server. */
const WRITE_PARAMETERS = ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
  name,
  in: "query",
  schema: { type: "string", uniqueItems: true },
}));
const FORCE = { name: "force", in: "query", schema: { type: "boolean", uniqueItems: true } };

const PATCH_TYPES = [
  "application/apply-patch+yaml",
  "application/json-patch+json",
  "application/merge-patch+json",
];

function answer(reference: string): object {
  const content = { "application/json": { schema: { $ref: reference } } };
  return { "200": { description: "OK", content }, "401": { description: "Unauthorized" } };
}

function operations(kind: CompiledKind): { collection: object; object: object } {
  const reference = `#/components/schemas/${kind.openapiName}`;
  const { group, version } = kind;
  const responses = answer(reference);
  const operation = (action: string, extra: object = {}): object => ({
    operationId: `${action}${kind.kind}`,
    ...extra,
    responses,
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group, version, kind: kind.kind },
  });
  const body = { content: { "*/*": { schema: { $ref: reference } } }, required: true };
  const types = kind.builtin
    ? [...PATCH_TYPES, "application/strategic-merge-patch+json"]
    : PATCH_TYPES;
  const patchBody = {
    content: Object.fromEntries(types.map((type) => [type, { schema: { type: "object" } }])),
    required: true,
  };
  const parameters = WRITE_PARAMETERS;
  return {
    collection: {
      get: operation("list"),
      post: operation("post", { parameters, requestBody: body }),
    },
    object: {
      get: operation("get"),
      put: operation("put", { parameters, requestBody: body }),
      delete: operation("delete"),
      patch: operation("patch", { parameters: [...parameters, FORCE], requestBody: patchBody }),
    },
  };
}

function pathsOf(kind: CompiledKind): Record<string, object> {
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope = kind.namespaced ? "/namespaces/{namespace}" : "";
  const collection = `${root}${scope}/${kind.plural}`;
  const { collection: many, object: one } = operations(kind);
  return { [collection]: many, [`${collection}/{name}`]: one };
}

/** `/openapi/v3`: one document for each group and version, made when it is first asked for. */
export class OpenapiDocuments {
  readonly #registry: Registry;
  readonly #cached = new Map<string, { kinds: readonly CompiledKind[]; text: string }>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** The index: every document by its path, with the hash of its content. */
  index(): object {
    const paths: Record<string, object> = {};
    for (const path of [...this.#groups().keys()].sort()) {
      const text = this.document(path) ?? "";
      const hash = createHash("sha256").update(text).digest("hex").toUpperCase();
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
    }
    return { paths };
  }

  /** The text of the document of `api/v1` or `apis/G/V`; undefined where nothing is served. */
  document(path: string): string | undefined {
    const kinds = this.#groups().get(path);
    if (kinds === undefined) return undefined;
    const cached = this.#cached.get(path);
    const same =
      cached?.kinds.length === kinds.length && kinds.every((kind, i) => cached.kinds[i] === kind);
    if (same && cached !== undefined) return cached.text;
    const text = JSON.stringify({
      openapi: "3.0.0",
      info: { title: "Kubernetes", version: "1.34" },
      paths: Object.assign({}, ...kinds.map(pathsOf)) as object,
      components: { schemas: openapiComponents(kinds) },
    });
    this.#cached.set(path, { kinds, text });
    return text;
  }

  #groups(): Map<string, CompiledKind[]> {
    const groups = new Map<string, CompiledKind[]>();
    for (const { kinds } of this.#registry.all()) {
      for (const kind of kinds) {
        const path =
          kind.group === "" ? `api/${kind.version}` : `apis/${kind.group}/${kind.version}`;
        groups.set(path, [...(groups.get(path) ?? []), kind]);
      }
    }
    return groups;
  }
}
