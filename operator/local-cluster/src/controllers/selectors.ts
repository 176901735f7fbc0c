import type { LabelSelector, NodeSelectorTerm } from "./api-types.ts";

type Labels = Readonly<Record<string, string>>;

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** `matchLabels` alone, as Services and nodeSelectors have it: an empty one matches everything. */
export function matchesLabels(wanted: Labels, labels: Labels = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

export function matchesSelector(selector: LabelSelector, labels: Labels = {}): boolean {
  const expressions = selector.matchExpressions ?? [];
  return (
    matchesLabels(selector.matchLabels ?? {}, labels) &&
    expressions.every((expression) => matchesRequirement(expression, labels))
  );
}

/** A term without any requirement matches nothing, as the API says. */
export function matchesNodeTerm(
  term: NodeSelectorTerm,
  name: string,
  labels: Labels = {},
): boolean {
  const onLabels = term.matchExpressions ?? [];
  const onFields = term.matchFields ?? [];
  if (onLabels.length + onFields.length === 0) return false;
  return (
    onLabels.every((one) => matchesRequirement(one, labels)) &&
    onFields.every((one) => matchesRequirement(one, { "metadata.name": name }))
  );
}

function matchesRequirement({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "Lt":
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}
