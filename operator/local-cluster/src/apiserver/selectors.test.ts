import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ApiObject } from "./objects.ts";
import { fieldMatcher, labelMatcher, labelSelectorText } from "./selectors.ts";

const keys = fc.constantFrom("app", "tier", "quorate.dev/set");
const values = fc.constantFrom("a", "b", "c");
const labels = fc.dictionary(keys, values, { maxKeys: 3 });

type Term = { readonly key: string } & (
  | { readonly op: "in" | "notin"; readonly values: readonly string[] }
  | { readonly op: "=" | "==" | "!="; readonly value: string }
  | { readonly op: "exists" | "absent" }
);

const terms: fc.Arbitrary<Term> = fc.oneof(
  fc.record({
    key: keys,
    op: fc.constantFrom("in" as const, "notin" as const),
    values: fc.array(values, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    key: keys,
    op: fc.constantFrom("=" as const, "==" as const, "!=" as const),
    value: values,
  }),
  fc.record({ key: keys, op: fc.constantFrom("exists" as const, "absent" as const) }),
);

function textOf(term: Term): string {
  if ("values" in term) return `${term.key} ${term.op} (${term.values.join(", ")})`;
  if ("value" in term) return `${term.key}${term.op}${term.value}`;
  return term.op === "exists" ? term.key : `!${term.key}`;
}

function meets(term: Term, has: Readonly<Record<string, string>>): boolean {
  const value = has[term.key];
  if ("values" in term) {
    const listed = term.values.some((one) => one === value);
    return term.op === "in" ? listed : !listed;
  }
  if ("value" in term) return term.op === "!=" ? value !== term.value : value === term.value;
  return term.op === "exists" ? value !== undefined : value === undefined;
}

describe("label selectors", () => {
  test("select what each of their terms selects", () => {
    fc.assert(
      fc.property(fc.array(terms, { maxLength: 4 }), labels, (list, has) => {
        const selector = list.map(textOf).join(",");
        expect(labelMatcher(selector)(has)).toBe(list.every((term) => meets(term, has)));
      }),
    );
  });

  test("a LabelSelector object selects as its text does; none at all selects nothing", () => {
    const selector = {
      matchLabels: { app: "a" },
      matchExpressions: [
        { key: "tier", operator: "In", values: ["b", "c"] },
        { key: "old", operator: "DoesNotExist" },
      ],
    };
    const text = labelSelectorText(selector);
    expect(text).toBe("app=a,tier in (b,c),!old");
    expect(labelMatcher(text ?? "")({ app: "a", tier: "c" })).toBe(true);
    expect(labelSelectorText(undefined)).toBeUndefined();
    expect(labelSelectorText({})).toBe("");
  });

  test.each([
    ["==", "found '==', expected: !, identifier, or 'end of string'"],
    ["a,", "found '', expected: identifier after ','"],
    ["a=b c", "found 'c', expected: ',' or 'end of string'"],
    ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["a in b", "unable to parse requirement: found 'b' expected: '('"],
    ["a in (b", "unable to parse requirement: found '', expected: ',' or ')'"],
    [
      "a in ()",
      "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, " +
        "values set can't be empty",
    ],
    ["!", "unable to parse requirement: found '', expected: identifier"],
    ["a=(", "unable to parse requirement: found '(', expected: identifier"],
  ])("%s is refused in the words of a real server", (selector, message) => {
    expect(() => labelMatcher(selector)).toThrow(expect.objectContaining({ message }));
  });

  test("an empty word is a value, `in` is a name like any other", () => {
    expect(labelMatcher("a in (,b)")({ a: "" })).toBe(true);
    expect(labelMatcher("a in (b,)")({ a: "" })).toBe(true);
    expect(labelMatcher("a==")({ a: "" })).toBe(true);
    expect(labelMatcher("in in (notin)")({ in: "notin" })).toBe(true);
  });
});

describe("field selectors", () => {
  const pod: ApiObject = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "n" },
    spec: { nodeName: "local-1" },
    status: { phase: "Running" },
  };

  test.each([
    ["metadata.name=p", true],
    ["metadata.name==q", false],
    ["status.phase!=Running", false],
    ["spec.nodeName=local-1,metadata.namespace=n", true],
    ["status.nominatedNodeName=", true],
  ])("%s on a pod", (selector, selected) => {
    expect(fieldMatcher("pods", selector)(pod)).toBe(selected);
  });

  test("a field that the resource can't be selected by is named", () => {
    expect(() => fieldMatcher("pods", "spec.image=x")).toThrow(
      "field label not supported: spec.image",
    );
    expect(() => fieldMatcher("configmaps", "data=x")).toThrow(
      '"data" is not a known field selector: only "metadata.name", "metadata.namespace"',
    );
  });
});
