import type { ApiObject } from "./objects.ts";

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

export type Cell = string | number | boolean | null;

/** How objects of one kind become rows. */
export interface TableForm {
  readonly columns: readonly Column[];
  readonly cells: (object: ApiObject, nowMs: number) => Cell[];
}

export function column(name: string, options: Partial<Column> = {}): Column {
  return { name, type: "string", format: "", description: "", priority: 0, ...options };
}

export const NAME_COLUMN = column("Name", {
  format: "name",
  description:
    "Name must be unique within a namespace. Is required when creating resources, although some" +
    " resources may allow a client to request the generation of an appropriate name" +
    " automatically." +
    " Name is primarily intended for creation idempotence and configuration definition. Cannot be" +
    " updated. More info:" +
    " https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
});
