import type { CompiledKind, PrinterColumn } from "../schema/kinds.ts";
import { builtinTable } from "./builtin-columns.ts";
import { ageOf } from "./durations.ts";
import { qualified } from "./failures.ts";
import { readJsonPath } from "./json-path.ts";
import type { ApiObject } from "./objects.ts";
import { type Cell, column, NAME_COLUMN, type TableForm } from "./table-form.ts";

function cellOf(printer: PrinterColumn, object: ApiObject, nowMs: number): Cell {
  const found = readJsonPath(object, printer.jsonPath);
  const [value] = found;
  if (value === undefined || value === null) return null;
  switch (printer.type) {
    case "date":
      return typeof value === "string" ? ageOf(value, nowMs) : "<invalid>";
    case "integer":
    case "number":
      return typeof value === "number" ? value : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    default: {
      if (found.length > 1) return found.map(textOf).join(",");
      return textOf(value);
    }
  }
}

function textOf(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const AGE: PrinterColumn = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
};

/** The columns of a kind: those that kubectl knows for built-in ones, a CRD's own otherwise. */
export function tableForm(kind: CompiledKind): TableForm {
  const known = kind.builtin ? builtinTable(qualified(kind)) : undefined;
  if (known !== undefined) return known;
  const printers = kind.columns.length > 0 ? kind.columns : [AGE];
  const columns = printers.map((printer) =>
    column(printer.name, {
      type: printer.type,
      format: printer.format ?? "",
      description:
        printer.description ??
        `Custom resource definition column (in JSONPath format): ${printer.jsonPath}`,
      priority: printer.priority ?? 0,
    }),
  );
  return {
    columns: [NAME_COLUMN, ...columns],
    cells: (object, nowMs) => [
      object.metadata.name,
      ...printers.map((printer) => cellOf(printer, object, nowMs)),
    ],
  };
}

export interface TableRequest {
  readonly metadata: object;
  readonly nowMs: number;
  readonly includeObject: "None" | "Metadata" | "Object";
  /** Later events of a watch go without the columns. */
  readonly withoutColumns?: boolean;
}

/** `meta.k8s.io/v1 Table`: what `kubectl get` prints. */
export function tableOf(
  form: TableForm,
  objects: readonly ApiObject[],
  request: TableRequest,
): object {
  const rows = objects.map((object) => ({
    cells: form.cells(object, request.nowMs),
    ...(request.includeObject === "None" ? {} : { object: rowObject(object, request) }),
  }));
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: request.metadata,
    columnDefinitions: request.withoutColumns === true ? null : form.columns,
    rows,
  };
}

function rowObject(object: ApiObject, request: TableRequest): object {
  if (request.includeObject === "Object") return object;
  return {
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata: object.metadata,
  };
}
