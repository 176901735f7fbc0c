import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { createInClusterTransport } from "./in-cluster-transport.ts";
import { TransportError } from "./transport.ts";

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

/** A service account's folder with a certificate that is its own authority. */
function serviceAccount(): string {
  const folder = mkdtempSync(join(tmpdir(), "service-account-"));
  endings.push(() => rmSync(folder, { recursive: true }));
  const request = ["req", "-x509", "-newkey", "ec", "-nodes", "-days", "1", "-subj", "/CN=api"];
  const curve = ["-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "ca.crt")];
  const name = ["-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", [...request, ...curve, ...files, ...name], { stdio: "ignore" });
  writeFileSync(join(folder, "token"), "first\n");
  return folder;
}

async function world() {
  const folder = serviceAccount();
  const tokens: unknown[] = [];
  const tls = {
    cert: readFileSync(join(folder, "ca.crt")),
    key: readFileSync(join(folder, "key.pem")),
  };
  const server = createServer(tls, (request, response) => {
    tokens.push(request.headers.authorization);
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = String((server.address() as AddressInfo).port);
  const transport = createInClusterTransport({ host: "127.0.0.1", port, folder });
  endings.push(() => {
    transport.close();
    server.close();
    server.closeAllConnections();
  });
  return { folder, transport, tokens, port };
}

test("the server is checked against the mounted authority, the token read anew each time", async () => {
  const { folder, transport, tokens } = await world();
  await transport.request({ method: "GET", path: "/version" });
  writeFileSync(join(folder, "token"), "second");
  await transport.request({ method: "GET", path: "/version" });
  expect(tokens).toEqual(["Bearer first", "Bearer second"]);
});

test("a server of another authority gets no token, not even on a kept connection", async () => {
  const { transport, tokens, folder } = await world();
  await transport.request({ method: "GET", path: "/version" });
  const other = serviceAccount();
  writeFileSync(join(folder, "ca.crt"), readFileSync(join(other, "ca.crt")));
  const asked = transport.request({ method: "GET", path: "/version" });
  await expect(asked).rejects.toThrow(TransportError);
  expect(tokens).toEqual(["Bearer first"]);
});
