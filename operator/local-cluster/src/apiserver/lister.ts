import { ApiStatus } from "./api-status.ts";
import type { Core } from "./core.ts";
import { badRequest, expired, notFound, tooLarge } from "./failures.ts";
import { type ApiObject, isDictionary } from "./objects.ts";
import { type Endpoint, present } from "./registry.ts";
import { objectMatcher } from "./selectors.ts";

export interface ListRequest {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  /** Of a watch or list of one object by its URL. */
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
}

export interface Listed {
  readonly items: readonly ApiObject[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

const FORM = "meta.k8s.io/v1";

interface ContinueToken {
  readonly v: typeof FORM;
  /** Version of the whole list. */
  readonly rv: number;
  /** `namespace/name` of the last object that was given. */
  readonly start: string;
}

/** Lists that are still being paged through; the oldest makes room. */
const SNAPSHOTS_MAX = 64;

const TOO_OLD =
  "The provided continue parameter is too old to display a consistent list result. You can" +
  " start a new list without the continue parameter, or use the continue token in this response" +
  " to retrieve the remainder of the results. Continuing with the provided token results in an" +
  " inconsistent list - objects that were created, modified, or deleted between the time the" +
  " first chunk was returned and now may show up in the list.";

function positionOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

/** The number in a resourceVersion of a query; undefined for none. */
export function parseVersion(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^\d+$/.test(text)) {
    throw new ApiStatus({
      code: 500,
      reason: "",
      message:
        `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint:` +
        ` parsing ${JSON.stringify(text)}: invalid syntax`,
    });
  }
  return Number(text);
}

/** Reads objects: one, or lists in pages that all show one version. */
export class Lister {
  readonly #core: Core;
  readonly #snapshots = new Map<string, readonly ApiObject[]>();

  constructor(core: Core) {
    this.#core = core;
  }

  get({ resource, kind }: Endpoint, namespace: string, name: string): ApiObject {
    const found = this.#core.store.get(resource.key, namespace, name);
    if (found === undefined) throw notFound(resource, name);
    return present(found, kind);
  }

  list({ resource, kind }: Endpoint, request: ListRequest): Listed {
    const { store } = this.#core;
    const asked = parseVersion(request.resourceVersion);
    if (asked !== undefined && asked > store.version) throw tooLarge(asked, store.version);
    const matches = objectMatcher(resource.key, {
      labels: request.labelSelector,
      fields: request.fieldSelector,
    });
    const token = parseContinue(request.continue);
    const exact =
      token === undefined && request.resourceVersionMatch === "Exact" ? asked : undefined;
    const version = exact ?? (token === undefined || token.rv < 0 ? store.version : token.rv);
    const scope = `${resource.key} ${request.namespace ?? ""}`;
    const all =
      exact === undefined
        ? this.#objects(scope, resource.key, request.namespace, token)
        : store.listAt(resource.key, exact, request.namespace);
    if (all === undefined) throw expired("The resourceVersion for the provided list is too old.");
    const start = token?.start;
    const after = start === undefined ? all : all.filter((one) => positionOf(one) > start);
    const chosen = matches === undefined ? after : after.filter(matches);
    const limit = request.limit ?? 0;
    const page = limit > 0 ? chosen.slice(0, limit) : chosen;
    const items = page.map((object) => present(object, kind));
    const last = page.at(-1);
    if (page.length === chosen.length || last === undefined) {
      return { items, resourceVersion: String(version) };
    }
    this.#keep(`${scope} ${version}`, all);
    const next: ContinueToken = { v: FORM, rv: version, start: positionOf(last) };
    return {
      items,
      resourceVersion: String(version),
      continue: Buffer.from(JSON.stringify(next)).toString("base64url"),
      ...(matches === undefined ? { remainingItemCount: chosen.length - page.length } : {}),
    };
  }

  #objects(
    scope: string,
    resource: string,
    namespace: string | undefined,
    token: ContinueToken | undefined,
  ): readonly ApiObject[] {
    const { store } = this.#core;
    if (token === undefined || token.rv < 0 || token.rv === store.version) {
      return store.list(resource, namespace);
    }
    const kept = this.#snapshots.get(`${scope} ${token.rv}`);
    if (kept === undefined) throw expired(TOO_OLD);
    return kept;
  }

  #keep(key: string, objects: readonly ApiObject[]): void {
    this.#snapshots.delete(key);
    this.#snapshots.set(key, objects);
    for (const oldest of this.#snapshots.keys()) {
      if (this.#snapshots.size <= SNAPSHOTS_MAX) break;
      this.#snapshots.delete(oldest);
    }
  }
}

function parseContinue(text: string | undefined): ContinueToken | undefined {
  if (text === undefined || text === "") return undefined;
  const refuse = (why: string) =>
    badRequest(`invalid continue token: continue key is not valid: ${why}`);
  const illegal = /[^\w-]/.exec(text);
  if (illegal !== null) throw refuse(`illegal base64 data at input byte ${illegal.index}`);
  const bytes = Buffer.from(text, "base64url");
  const token = parsedJson(bytes.toString());
  if (token === undefined) throw refuse(jsonProblem(bytes));
  if (!isDictionary(token)) {
    const type = Array.isArray(token) ? "array" : typeof token;
    throw refuse(`json: cannot unmarshal ${type} into Go value of type storage.continueToken`);
  }
  const { v, rv, start } = token;
  if (v !== FORM) {
    throw refuse(`server does not recognize this encoded version ${JSON.stringify(v ?? "")}`);
  }
  if (typeof rv !== "number" || rv === 0) {
    throw refuse(`incorrect encoded start resourceVersion (version ${FORM})`);
  }
  if (typeof start !== "string" || start === "") {
    throw refuse(`encoded start key empty (version ${FORM})`);
  }
  return { v, rv, start };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told by the caller in Go's words.
    return undefined;
  }
}

/** Go names the first byte with which no value can begin; what follows a good one is told alike. */
function jsonProblem(bytes: Buffer): string {
  const first = bytes.find((byte) => !/\s/.test(String.fromCharCode(byte)));
  const letter = first === undefined ? "" : String.fromCharCode(first);
  if (letter === "" || /["[{\d\-tfn]/.test(letter)) return "unexpected end of JSON input";
  const shown = letter === "'" ? "\\'" : letter;
  return `invalid character '${shown}' looking for beginning of value`;
}
