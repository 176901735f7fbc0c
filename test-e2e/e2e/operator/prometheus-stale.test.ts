import { test } from "vitest";
import { staysItsHandWhenBlind } from "./blindness.ts";

test("a Prometheus that shows old samples is blindness: no act until it sees again", () =>
  // Samples grow old one after the other: the first pass may still find one or two fresh.
  staysItsHandWhenBlind({ kind: "stale" }, ["TooFewObservers", "PrometheusStale"]));
