import { test } from "vitest";
import { staysItsHandWhenBlind } from "./blindness.ts";

test("a Prometheus that answers in HTML is blindness: no act until it sees again", () =>
  staysItsHandWhenBlind({ kind: "malformed" }, ["PrometheusMalformed"]));
