import { z } from "zod";

type Primitive = string | number | boolean | bigint | undefined | null;

/** What comes from the API server is read, never changed. */
export type Immutable<T> = T extends Primitive
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Immutable<Item>[]
    : { readonly [Name in keyof T]: Immutable<T[Name]> };

/** One `x-kubernetes-validations` entry; the message names the fix. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
  readonly reason?: "FieldValueInvalid" | "FieldValueForbidden" | "FieldValueRequired";
}

/** Description for `kubectl explain`, and rules. */
export function about(description: string, ...rules: readonly CelRule[]) {
  return rules.length === 0
    ? { description }
    : { description, "x-kubernetes-validations": [...rules] };
}

/** The field never changes once it is there. */
export function immutable(field: string, fix: string): CelRule {
  return { rule: "self == oldSelf", message: `${field} is immutable: ${fix}` };
}

export const listMap = (...keys: readonly string[]) => {
  return { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [...keys] };
};

export const hex32 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .max(64);
export const hex64 = z
  .string()
  .regex(/^[0-9a-f]{128}$/)
  .max(128);
/** Micro-USD, decimal: JSON numbers lose digits. */
export const money = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,29})$/)
  .max(30);
/** RFC 3339 in UTC, as the operator writes it. */
export const instant = z.string().max(40);
export const objectName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
  .max(253);
export const quantity = z
  .string()
  .regex(/^[0-9]+(\.[0-9]+)?([EPTGMk]i?|m)?$/)
  .max(32);
export const count = z.int().min(0);
