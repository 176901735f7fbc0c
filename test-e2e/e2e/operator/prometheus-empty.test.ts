import { test } from "vitest";
import { staysItsHandWhenBlind } from "./blindness.ts";

test("a Prometheus that knows no series is blindness: no act until it sees again", () =>
  staysItsHandWhenBlind({ kind: "empty" }, ["PrometheusEmpty"]));
