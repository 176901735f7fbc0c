import { isObject } from "./prune.ts";
import type { Json, JsonObject } from "./schema.ts";

/** Sets a field that is absent. */
export function fill(object: JsonObject, field: string, value: Json): void {
  if (object[field] === undefined) object[field] = value;
}

export function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** What the server fills into the spec of a pod or a pod template. */
export function fillPodSpec(spec: JsonObject): void {
  fill(spec, "restartPolicy", "Always");
  fill(spec, "dnsPolicy", "ClusterFirst");
  fill(spec, "schedulerName", "default-scheduler");
  fill(spec, "terminationGracePeriodSeconds", 30);
  fill(spec, "securityContext", {});
  // The old name of the field goes along with the new one.
  const account = spec["serviceAccountName"] ?? spec["serviceAccount"];
  if (account !== undefined) {
    spec["serviceAccountName"] = account;
    spec["serviceAccount"] = account;
  }
  for (const list of ["containers", "initContainers", "ephemeralContainers"]) {
    for (const container of objects(spec[list])) {
      fillContainer(container, spec["hostNetwork"] === true);
    }
  }
  for (const volume of objects(spec["volumes"])) fillVolume(volume);
}

function fillContainer(container: JsonObject, hostNetwork: boolean): void {
  fill(container, "terminationMessagePath", "/dev/termination-log");
  fill(container, "terminationMessagePolicy", "File");
  fill(container, "resources", {});
  if (container["imagePullPolicy"] === undefined) {
    container["imagePullPolicy"] = isLatest(container["image"]) ? "Always" : "IfNotPresent";
  }
  for (const port of objects(container["ports"])) {
    fill(port, "protocol", "TCP");
    const number = port["containerPort"];
    if (hostNetwork && number !== undefined) fill(port, "hostPort", number);
  }
  for (const variable of objects(container["env"])) {
    const from = variable["valueFrom"];
    if (isObject(from)) fillFieldRef(from);
  }
  for (const word of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    const probe = container[word];
    if (isObject(probe)) fillProbe(probe);
  }
  const lifecycle = container["lifecycle"];
  if (!isObject(lifecycle)) return;
  for (const handler of Object.values(lifecycle)) {
    if (isObject(handler)) fillHandler(handler);
  }
}

function isLatest(image: Json | undefined): boolean {
  if (typeof image !== "string") return true;
  const name = image.split("/").at(-1) ?? "";
  if (name.includes("@")) return false;
  const tag = name.split(":")[1];
  return tag === undefined || tag === "latest";
}

function fillProbe(probe: JsonObject): void {
  fill(probe, "timeoutSeconds", 1);
  fill(probe, "periodSeconds", 10);
  fill(probe, "successThreshold", 1);
  fill(probe, "failureThreshold", 3);
  fillHandler(probe);
}

function fillHandler(handler: JsonObject): void {
  const http = handler["httpGet"];
  if (isObject(http)) {
    fill(http, "path", "/");
    fill(http, "scheme", "HTTP");
  }
  const grpc = handler["grpc"];
  if (isObject(grpc)) fill(grpc, "service", "");
}

function fillFieldRef(from: JsonObject): void {
  const field = from["fieldRef"];
  if (isObject(field)) fill(field, "apiVersion", "v1");
  const resource = from["resourceFieldRef"];
  if (isObject(resource)) fill(resource, "divisor", "0");
}

/** rw-r--r-- in decimal: the mode of mounted files. */
const FILE_MODE = 420;
const TOKEN_SECONDS = 3600;

function fillVolume(volume: JsonObject): void {
  if (Object.keys(volume).every((field) => field === "name")) volume["emptyDir"] = {};
  for (const word of ["configMap", "secret", "projected", "downwardAPI"]) {
    const source = volume[word];
    if (isObject(source)) fill(source, "defaultMode", FILE_MODE);
  }
  const host = volume["hostPath"];
  if (isObject(host)) fill(host, "type", "");
  const downward = volume["downwardAPI"];
  if (isObject(downward)) for (const item of objects(downward["items"])) fillFieldRef(item);
  const projected = volume["projected"];
  if (!isObject(projected)) return;
  for (const source of objects(projected["sources"])) {
    const token = source["serviceAccountToken"];
    if (isObject(token)) fill(token, "expirationSeconds", TOKEN_SECONDS);
    const items = source["downwardAPI"];
    if (isObject(items)) for (const item of objects(items["items"])) fillFieldRef(item);
  }
}

/** Only of pods, not of templates: links, and requests from limits. */
export function fillPod(pod: JsonObject): void {
  const spec = pod["spec"];
  if (!isObject(spec)) return;
  fill(spec, "enableServiceLinks", true);
  fillPodSpec(spec);
  for (const container of [...objects(spec["containers"]), ...objects(spec["initContainers"])]) {
    const resources = container["resources"];
    if (!isObject(resources) || !isObject(resources["limits"])) continue;
    const requests = isObject(resources["requests"]) ? resources["requests"] : {};
    resources["requests"] = requests;
    for (const [name, limit] of Object.entries(resources["limits"])) {
      if (limit !== undefined) fill(requests, name, limit);
    }
  }
}

/** `BestEffort`, `Guaranteed` or `Burstable`, by requests and limits of CPU and memory. */
export function qosClass(spec: JsonObject): string {
  const containers = [...objects(spec["containers"]), ...objects(spec["initContainers"])];
  let any = false;
  let guaranteed = containers.length > 0;
  for (const container of containers) {
    const resources = isObject(container["resources"]) ? container["resources"] : {};
    const limits = isObject(resources["limits"]) ? resources["limits"] : {};
    const requests = isObject(resources["requests"]) ? resources["requests"] : {};
    for (const name of ["cpu", "memory"]) {
      if (limits[name] !== undefined || requests[name] !== undefined) any = true;
      if (limits[name] === undefined || limits[name] !== requests[name]) guaranteed = false;
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}
