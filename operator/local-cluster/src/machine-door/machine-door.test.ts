import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Kubelet } from "../kubelet/kubelet.ts";
import { MachineDoor } from "./machine-door.ts";

let folder: string;
let door: MachineDoor;
let power: string;

const kubelet = {
  name: "local-1",
  pods: [],
  get power() {
    return power;
  },
  turnOff: () => {
    power = "off";
  },
  turnOn: () => {
    throw new Error("no folder");
  },
} as unknown as Kubelet;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-door-"));
  power = "on";
  door = new MachineDoor(join(folder, "door.sock"), [kubelet]);
  await door.open();
});
afterEach(async () => {
  await door.close();
  rmSync(folder, { recursive: true, force: true });
});

function ask(method: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ socketPath: door.socketPath, method, path }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    })
      .on("error", reject)
      .end();
  });
}

test("a path that is no text is refused, and the door stays open", async () => {
  expect(await ask("POST", "/machines/%")).toBe(400);
  expect(await ask("GET", "/machines/local-1")).toBe(200);
});

test("only its own acts are acts, not what every object has", async () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    expect(await ask("POST", `/machines/local-1/${name}`)).toBe(404);
  }
  expect(await ask("POST", "/machines/local-1/off")).toBe(200);
  expect(power).toBe("off");
});

test("an act that fails is told to who asked", async () => {
  expect(await ask("POST", "/machines/local-1/on")).toBe(500);
  expect(await ask("GET", "/machines")).toBe(200);
});
