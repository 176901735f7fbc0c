import { type Labels, meetsExpression, selectorMatcher } from "../apiserver/selectors.ts";
import type { LabelSelector, NodeSelectorTerm } from "./api-types.ts";

/** `matchLabels` alone, as Services and nodeSelectors have it: an empty one matches everything. */
export function matchesLabels(wanted: Labels, labels: Labels = {}): boolean {
  return selectorMatcher({ matchLabels: wanted })(labels);
}

export function matchesSelector(selector: LabelSelector, labels: Labels = {}): boolean {
  return selectorMatcher(selector)(labels);
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
    onLabels.every((one) => meetsExpression(labels, one)) &&
    onFields.every((one) => meetsExpression({ "metadata.name": name }, one))
  );
}
