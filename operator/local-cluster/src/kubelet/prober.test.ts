import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { runProbe } from "./prober.ts";

test("a probe that was answered leaves no connection, even where the body never ends", async () => {
  let closed: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const server = createServer((request, response) => {
    request.socket.on("close", () => closed());
    response.writeHead(200).write("begin");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const target = { podIp: "127.0.0.1", container: { name: "a" }, cwd: "/", env: {} };
  const probe = { httpGet: { port, path: "/" } };
  expect(await runProbe(probe, target, 60_000)).toEqual({ ok: true, message: "" });
  await ended;
  server.close();
});
