import { expect, test } from "vitest";
import { mask, maskTable, sortCauses } from "./mask.ts";

const names = { node: "kind-worker2" };

test.each([
  ["uid: 0b7c6c7e-6c1d-4b64-8a43-0c1f3f1f3f1f", "uid: <uid>"],
  ['time: "2026-11-22T18:03:15Z"', 'time: "<time>"'],
  ["2026-11-22T18:03:15.123456Z", "<time>"],
  ["2026-11-22 18:03:15.123456789 +0000", "<time>"],
  ['resourceVersion: "123"', 'resourceVersion: "<version>"'],
  ['{"resourceVersion":"123"}', '{"resourceVersion":"<version>"}'],
  ["Resource Version:  123", "Resource Version:  <version>"],
  ["watch=true&resourceVersion=123", "watch=true&resourceVersion=<version>"],
  ["too old resource version: 1 (4711)", "too old resource version: 1 (<version>)"],
  ["clusterIP: 10.96.1.2", "clusterIP: <address>"],
  ["configmap/generated-x7k2p created", "configmap/generated-<suffix> created"],
  ["on kind-worker2 now", "on <node> now"],
  ["+++ /tmp/MERGED-123/v1.ConfigMap", "+++ <scratch>/MERGED/v1.ConfigMap"],
])("%s becomes %s", (text, masked) => {
  expect(mask(text, names)).toBe(masked);
});

test.each(["replicas: 3", "version: v1.34.4", "size: 10Mi", "port: 7001"])(
  "%s stays as it is",
  (text) => {
    expect(mask(text, names)).toBe(text);
  },
);

test("kubectl's log line of a watch that its time limit cut short is left out", () => {
  const line =
    "W1122 19:24:23.610464   10978 reflector.go:492] x.go:146: watch of *U ended with: very short " +
    "watch: x.go:146: Unexpected watch close - watch lasted less than a second\n";
  expect(mask(`${line}error: timed out\n`, names)).toBe("error: timed out\n");
});

test("a table keeps its cells and loses its ages and widths", () => {
  expect(maskTable("NAME     AGE\nwidget   12s\nother    1m3s (x2 over 325d)")).toBe(
    "NAME  AGE\nwidget  <age>\nother  <age> (x2 over <age>)",
  );
});

test("causes are sorted, the lines around them stay", () => {
  expect(sortCauses("invalid: \n* b\n* a\nend\n* c\n")).toBe("invalid: \n* a\n* b\nend\n* c\n");
});
