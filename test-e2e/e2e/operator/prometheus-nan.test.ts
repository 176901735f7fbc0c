import { test } from "vitest";
import { staysItsHandWhenBlind } from "./blindness.ts";

test("a Prometheus that says NaN is blindness: no act until it sees again", () =>
  staysItsHandWhenBlind({ kind: "nan" }, ["PrometheusMalformed"]));
