import { test } from "vitest";
import { staysItsHandWhenBlind } from "./blindness.ts";

test("a Prometheus that is down is blindness: no act until it sees again", () =>
  staysItsHandWhenBlind({ kind: "down" }, ["PrometheusUnreachable"]));
