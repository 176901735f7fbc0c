import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { serviceError } from "./refusal.ts";

function statusOf(code: string, field = "transaction"): number | undefined {
  return serviceError({ code, field, fix: "do this" }).code;
}

describe("refusals over gRPC", () => {
  test("code, field and fix travel in trailing metadata, as printable ASCII", () => {
    const error = serviceError({ code: "BAD_NONCE", field: "nonce", fix: "take a née one\n" });
    expect(error.metadata?.get("quorate-code")).toEqual(["BAD_NONCE"]);
    expect(error.metadata?.get("quorate-field")).toEqual(["nonce"]);
    expect(error.metadata?.get("quorate-fix")).toEqual(["take a n?e one?"]);
  });

  test("the status says whether the same call may succeed later or elsewhere", () => {
    expect(statusOf("BAD_NONCE")).toBe(status.INVALID_ARGUMENT);
    expect(statusOf("QUEUE_FULL", "node")).toBe(status.RESOURCE_EXHAUSTED);
    expect(statusOf("HALTED", "node")).toBe(status.UNAVAILABLE);
    expect(statusOf("STATE_NOT_CERTIFIED", "key")).toBe(status.UNAVAILABLE);
    expect(statusOf("HEIGHT_NOT_FOUND", "height")).toBe(status.NOT_FOUND);
  });
});
