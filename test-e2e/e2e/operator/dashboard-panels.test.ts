import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { Prometheus } from "../../prometheus/prometheus.ts";
import { Stage } from "./stage.ts";

const DASHBOARD = new URL("../../../charts/quorate/files/dashboards/quorate.json", import.meta.url);

interface Dashboard {
  readonly panels: readonly {
    readonly title?: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

interface Answer {
  readonly status: string;
  readonly data: { readonly result: readonly unknown[] };
}

test("every panel of the dashboard has a value in a set that runs", async () => {
  const stage = await Stage.start();
  let prometheus: Prometheus | undefined;
  try {
    const addresses = (await stage.operatorPods()).map(({ status }) => `${status?.podIP}:8080`);
    prometheus = await Prometheus.start({
      folder: join(stage.folder, "prometheus"),
      discoveryUrl: `http://${addresses[0]}/sd/e2e/quorate`,
      scrapeIntervalSeconds: 2,
      operators: addresses,
    });
    const { url } = prometheus;
    const { panels }: Dashboard = JSON.parse(readFileSync(DASHBOARD, "utf8"));
    const asked = panels.flatMap(({ title = "", targets = [] }) =>
      targets.map(({ expr }) => ({
        title,
        expr: expr.replaceAll("$namespace", "e2e").replaceAll("$set", "quorate"),
      })),
    );
    expect(asked.length).toBeGreaterThan(20);
    let empty: readonly string[] = [];
    const full = async () => {
      const answers = await Promise.all(
        asked.map(async ({ title, expr }) => ({ title, size: await sizeOf(url, expr) })),
      );
      empty = answers.filter(({ size }) => size === 0).map(({ title }) => title);
      return empty.length === 0 ? true : undefined;
    };
    const wait = { what: "every panel has a value", timeoutMs: 90_000 };
    await eventually(full, wait).catch((cause: unknown) => {
      throw new Error(`panels without a value: ${empty.join(", ")}`, { cause });
    });
    stage.passed();
  } finally {
    await prometheus?.stop();
    await stage.stop();
  }
});

async function sizeOf(url: string, expr: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
  const answer = (await response.json()) as Answer;
  expect(answer.status, expr).toBe("success");
  return answer.data.result.length;
}
