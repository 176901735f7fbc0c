import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

/** OpenTelemetry registers itself once per process, so each case is a process of its own. */
const PROGRAM = `
  import { startTracing } from ${JSON.stringify(new URL("tracing.ts", import.meta.url).href)};
  const warn = (message) => process.stdout.write("warned: " + message + "\\n");
  const tracing = await startTracing({ warn });
  tracing.start("submit").end();
  tracing.record("execute", 3);
  await tracing.stop();
`;

async function trace(variables: Readonly<Record<string, string>>): Promise<string> {
  const quiet = { OTEL_METRICS_EXPORTER: "none", OTEL_LOGS_EXPORTER: "none" };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", PROGRAM],
    { env: { ...quiet, ...variables } },
  );
  return stdout;
}

describe("OpenTelemetry", () => {
  test("without a standard variable nothing is loaded or printed", async () => {
    expect(await trace({})).toBe("");
  });

  test("the standard variables choose exporter and service name", async () => {
    const printed = await trace({
      OTEL_TRACES_EXPORTER: "console",
      OTEL_SERVICE_NAME: "validator-1",
    });
    expect(printed).toContain("name: 'submit'");
    expect(printed).toContain("name: 'execute'");
    expect(printed).toContain("'service.name': 'validator-1'");
  });

  test("a collector that is away costs traces, never a clean stop", async () => {
    const printed = await trace({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    });
    expect(printed).toBe("warned: last traces lost\n");
  });
});
