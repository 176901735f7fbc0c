import { describe, expect, test } from "vitest";
import type { HttpPort } from "../ports.ts";
import { readPrometheus } from "./prometheus.ts";

const NOW_MS = 1_800_000_000_000;
const ACCESS = { url: "http://prometheus:9090", scrapeIntervalMs: 1_000, timeoutMs: 500 };
const QUESTION = { namespace: "ns", set: 's"1', nowMs: NOW_MS };

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

const at = (
  name: string,
  value: string,
  labels: Readonly<Record<string, string>> = {},
): Sample => ({
  metric: { __name__: name, observer: "aa", ...labels },
  value: [NOW_MS / 1_000, value],
});
const taken = (ms: number, observer = "aa"): Sample => ({
  metric: { observer },
  value: [NOW_MS / 1_000, String(ms / 1_000)],
});

function prometheus(
  values: readonly Sample[],
  times: readonly Sample[],
  change: (answer: Record<string, unknown>) => unknown = (answer) => answer,
): HttpPort & { readonly urls: string[] } {
  const urls: string[] = [];
  return {
    urls,
    get: async (url) => {
      urls.push(decodeURIComponent(url));
      const result = url.includes("timestamp") ? times : values;
      const answer = { status: "success", data: { resultType: "vector", result } };
      const body = change(answer);
      return { status: 200, body: typeof body === "string" ? body : JSON.stringify(body) };
    },
  };
}

const HONEST = [
  at("quorate_certified_height", "42"),
  at("quorate_member_last_seen_seconds", "0.25", { member: "bb" }),
  at("quorate_member_silent", "1", { member: "bb" }),
];
const FRESH = [taken(NOW_MS - 700)];

describe("Prometheus as a witness (S9)", () => {
  test("says what each observer saw, with the age of its samples", async () => {
    const http = prometheus(HONEST, FRESH);
    const reading = await readPrometheus(http, ACCESS, QUESTION);
    expect(reading).toMatchObject({
      kind: "read",
      samples: [{ observer: "aa", ageMs: 700, certifiedHeight: 42 }],
    });
    if (reading.kind !== "read") throw new Error("blind");
    expect(reading.samples[0]?.lastSeenMs.get("bb")).toBe(250);
    expect(reading.samples[0]?.silent.get("bb")).toBe(true);
  });

  test("is asked about this one set only, with its name quoted", async () => {
    const http = prometheus(HONEST, FRESH);
    await readPrometheus(http, ACCESS, QUESTION);
    for (const url of http.urls) expect(url).toContain('namespace="ns",set="s\\"1"');
  });

  test.each([
    ["no series of the set", prometheus([], []), "PrometheusEmpty"],
    [
      "NaN",
      prometheus([...HONEST, at("quorate_member_silent", "NaN")], FRESH),
      "PrometheusMalformed",
    ],
    [
      "infinity",
      prometheus([at("quorate_certified_height", "+Inf")], FRESH),
      "PrometheusMalformed",
    ],
    [
      "an empty value",
      prometheus([at("quorate_certified_height", "")], FRESH),
      "PrometheusMalformed",
    ],
    [
      "samples of three intervals ago",
      prometheus(HONEST, [taken(NOW_MS - 3_001)]),
      "PrometheusStale",
    ],
    ["samples of the future", prometheus(HONEST, [taken(NOW_MS + 3_001)]), "PrometheusStale"],
    ["samples without a time", prometheus(HONEST, []), "PrometheusStale"],
    ["HTML", prometheus([], [], () => "<html>502</html>"), "PrometheusMalformed"],
    ["an error", prometheus([], [], () => ({ status: "error" })), "PrometheusMalformed"],
    [
      "a warning",
      prometheus(HONEST, FRESH, (answer) => ({ ...answer, warnings: ["partial data"] })),
      "PrometheusMalformed",
    ],
  ])("that answers with %s is blindness", async (_, http, reason) => {
    expect(await readPrometheus(http, ACCESS, QUESTION)).toMatchObject({ kind: "blind", reason });
  });

  test("that is down, or answers with another status, is blindness", async () => {
    const down: HttpPort = { get: () => Promise.reject(new Error("ECONNREFUSED")) };
    const failing: HttpPort = { get: async () => ({ status: 503, body: "" }) };
    for (const http of [down, failing]) {
      const reading = await readPrometheus(http, ACCESS, QUESTION);
      expect(reading).toMatchObject({ kind: "blind", reason: "PrometheusUnreachable" });
    }
  });

  test("leaves out observers whose samples are stale while others are fresh", async () => {
    const other = at("quorate_certified_height", "41", { observer: "cc" });
    const times = [...FRESH, taken(NOW_MS - 60_000, "cc")];
    const reading = await readPrometheus(prometheus([...HONEST, other], times), ACCESS, QUESTION);
    if (reading.kind !== "read") throw new Error("blind");
    expect(reading.samples.map(({ observer }) => observer)).toEqual(["aa"]);
  });

  test.each(["NaN", "+Inf", "", "0x", "many"])(
    "that has %j of one observer does not hear that one, and hears the others",
    async (value) => {
      const liar = [
        at("quorate_certified_height", "41", { observer: "cc" }),
        at("quorate_member_silent", value, { observer: "cc", member: "bb" }),
      ];
      const http = prometheus([...liar, ...HONEST], [...FRESH, taken(NOW_MS - 700, "cc")]);
      const reading = await readPrometheus(http, ACCESS, QUESTION);
      if (reading.kind !== "read") throw new Error("blind");
      expect(reading.samples.map(({ observer }) => observer)).toEqual(["aa"]);
      expect(reading.dropped).toEqual([
        { observer: "cc", reason: expect.stringContaining("quorate_member_silent") },
      ]);
    },
  );

  test("is asked one metric at a time, so that 128 members fit into what is read", async () => {
    const members = Array.from({ length: 128 }, (_, index) => index.toString(16).padStart(64, "0"));
    const longest = 8 * 1024 * 1024;
    let read = 0;
    const http: HttpPort = {
      get: async (url) => {
        const asked = decodeURIComponent(url);
        const name = /__name__="([a-z_]+)"/.exec(asked)?.[1] ?? "";
        const result = members.flatMap((observer) => {
          const labels = {
            observer,
            namespace: "quorate-validators",
            set: "production",
            pod: "production-127",
            instance: "10.244.100.127:7004",
            job: "quorate",
          };
          if (asked.includes("timestamp")) return [{ ...taken(NOW_MS, observer) }];
          if (!name.includes("member")) return [at(name, "5", labels)];
          return members.map((member) => at(name, "5", { ...labels, member }));
        });
        const answer = { status: "success", data: { resultType: "vector", result } };
        const body = JSON.stringify(answer);
        read += 1;
        if (body.length > longest) throw new Error("the answer is too long");
        return { status: 200, body };
      },
    };
    const reading = await readPrometheus(http, ACCESS, QUESTION);
    if (reading.kind !== "read") throw new Error(reading.message);
    expect(reading.samples).toHaveLength(128);
    expect(reading.samples[0]?.lastSeenMs.size).toBe(128);
    expect(read).toBe(9);
  });

  test("shows its token to nobody but Prometheus", async () => {
    const http: HttpPort = {
      get: async (_, { headers }) => {
        expect(headers).toEqual({ authorization: "Bearer hush" });
        throw new Error("down");
      },
    };
    const reading = await readPrometheus(http, { ...ACCESS, token: "hush" }, QUESTION);
    expect(JSON.stringify(reading)).not.toContain("hush");
  });
});
