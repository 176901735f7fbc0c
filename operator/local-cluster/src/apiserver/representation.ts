import { apiVersionOf } from "../schema/kinds.ts";
import type { ApiStatus } from "./api-status.ts";
import type { Core } from "./core.ts";
import { statusBody } from "./failures.ts";
import type { Listed } from "./lister.ts";
import type { ApiObject } from "./objects.ts";
import { sorted, without } from "./objects.ts";
import type { Endpoint } from "./registry.ts";
import { type ApiAnswer, type ApiCall, jsonAnswer, type Query } from "./request.ts";
import { tableForm, tableOf } from "./table.ts";
import type { WatchEvent } from "./watcher.ts";

export type Form = "object" | "table" | "metadata";

/** What the caller wants to see, by its Accept header. */
export function formOf(call: ApiCall): Form {
  for (const range of (call.headers["accept"] ?? "").split(",")) {
    if (/;\s*as=Table(;|$)/.test(range) && /;\s*g=meta\.k8s\.io/.test(range)) return "table";
    if (/;\s*as=PartialObjectMetadata(List)?(;|$)/.test(range)) return "metadata";
    if (/^\s*(application\/json|\*\/\*)\s*(;|$)/.test(range)) return "object";
  }
  return "object";
}

type Include = "None" | "Metadata" | "Object";

function includeOf(query: Query): Include {
  const value = query.text("includeObject");
  return value === "None" || value === "Object" ? value : "Metadata";
}

function partial(object: ApiObject): object {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata: object.metadata,
  };
}

/** Order of the fields in a text: custom resources are maps to the server, which Go sorts. */
const SORTED = "sorted";

function orderOf({ kind }: Endpoint): typeof SORTED | undefined {
  return kind.builtin ? undefined : SORTED;
}

/** Writes objects, lists and events in the form that a request asks for. */
export class Representation {
  readonly #core: Core;
  readonly #texts = new WeakMap<object, string>();

  constructor(core: Core) {
    this.#core = core;
  }

  one(call: ApiCall, query: Query, endpoint: Endpoint, object: ApiObject): ApiAnswer {
    const form = formOf(call);
    if (form === "metadata") return jsonAnswer(200, partial(object));
    if (form === "object") return this.#text(200, this.#json(object, orderOf(endpoint)));
    const table = tableOf(tableForm(endpoint.kind), [object], {
      metadata: { resourceVersion: object.metadata.resourceVersion },
      nowMs: this.#core.clock.now(),
      includeObject: includeOf(query),
    });
    return jsonAnswer(200, table);
  }

  list(call: ApiCall, query: Query, endpoint: Endpoint, listed: Listed): ApiAnswer {
    const { kind } = endpoint;
    const metadata = {
      resourceVersion: listed.resourceVersion,
      ...(listed.continue === undefined ? {} : { continue: listed.continue }),
      ...(listed.remainingItemCount === undefined
        ? {}
        : { remainingItemCount: listed.remainingItemCount }),
    };
    const form = formOf(call);
    if (form === "table") {
      const table = tableOf(tableForm(kind), listed.items, {
        metadata,
        nowMs: this.#core.clock.now(),
        includeObject: includeOf(query),
      });
      return jsonAnswer(200, table);
    }
    if (form === "metadata") {
      return jsonAnswer(200, {
        kind: "PartialObjectMetadataList",
        apiVersion: "meta.k8s.io/v1",
        metadata,
        items: listed.items.map(partial),
      });
    }
    const items = listed.items.map((object) =>
      kind.builtin
        ? JSON.stringify(without(object, "kind", "apiVersion"))
        : this.#json(object, SORTED),
    );
    if (!kind.builtin) {
      // As Go prints a list whose type it knows from data alone.
      const head = JSON.stringify(sorted({ continue: "", ...metadata }));
      const type = `"apiVersion":"${apiVersionOf(kind)}","items":[${items.join(",")}]`;
      return this.#text(200, `{${type},"kind":"${kind.listKind}","metadata":${head}}\n`);
    }
    const head = JSON.stringify({ kind: kind.listKind, apiVersion: apiVersionOf(kind), metadata });
    return this.#text(200, `${head.slice(0, -1)},"items":[${items.join(",")}]}\n`);
  }

  /** The lines of a watch. */
  async *watch(
    call: ApiCall,
    query: Query,
    endpoint: Endpoint,
    batches: AsyncIterable<readonly WatchEvent[]>,
  ): AsyncIterable<string> {
    const form = formOf(call);
    let first = true;
    for await (const batch of batches) {
      let text = "";
      for (const event of batch) {
        text += this.#line(event, { form, endpoint, first, includeObject: includeOf(query) });
        if (event.type !== "ERROR") first = false;
      }
      yield text;
    }
  }

  #line(
    event: WatchEvent,
    shown: { form: Form; endpoint: Endpoint; first: boolean; includeObject: Include },
  ): string {
    const { type, object } = event;
    if (type === "ERROR" || shown.form === "object") {
      const order = type === "ERROR" ? undefined : orderOf(shown.endpoint);
      return `{"type":"${type}","object":${this.#json(object, order)}}\n`;
    }
    if (shown.form === "metadata") {
      return `${JSON.stringify({ type, object: partial(object as ApiObject) })}\n`;
    }
    const rows = type === "BOOKMARK" ? [] : [object as ApiObject];
    const table = tableOf(tableForm(shown.endpoint.kind), rows, {
      metadata: { resourceVersion: (object as ApiObject).metadata.resourceVersion },
      nowMs: this.#core.clock.now(),
      includeObject: shown.includeObject,
      withoutColumns: !shown.first,
    });
    return `${JSON.stringify({ type, object: table })}\n`;
  }

  /** Text of an object; one text serves all watches that it goes to. */
  #json(object: object, order: typeof SORTED | undefined): string {
    let text = this.#texts.get(object);
    if (text === undefined) {
      text = JSON.stringify(order === SORTED ? sorted(object) : object);
      this.#texts.set(object, text);
    }
    return text;
  }

  #text(status: number, body: string): ApiAnswer {
    return { status, headers: { "content-type": "application/json" }, body };
  }
}

export function refusalAnswer(failure: ApiStatus): ApiAnswer {
  const { retryAfterSeconds } = failure.details;
  const answer = jsonAnswer(failure.code, statusBody(failure));
  if (retryAfterSeconds === undefined || failure.code === 504) return answer;
  return { ...answer, headers: { ...answer.headers, "retry-after": String(retryAfterSeconds) } };
}
