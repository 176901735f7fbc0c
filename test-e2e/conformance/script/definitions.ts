import type { Transcript } from "../transcript.ts";
import { CRD, CRD_YAML, NAMESPACE, NAMESPACE_YAML } from "./objects.ts";

/** Kinds become known, and are explained. */
export async function definitions(t: Transcript): Promise<void> {
  t.section("a namespace and a kind");
  await t.call("apply -f -", { input: NAMESPACE_YAML });
  await t.call(`get namespace ${NAMESPACE}`, { table: true });
  await t.call("apply -f -", { input: CRD_YAML });
  await t.call(`wait --for=condition=Established crd/${CRD} --timeout=30s`);
  await t.call(
    `get crd ${CRD} -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}: ` +
      `{.message}{"\\n"}{end}{.status.acceptedNames}{"\\n"}{.status.storedVersions}{"\\n"}'`,
  );
  await t.call("apply -f -", { input: CRD_YAML });
  await t.call("api-resources --api-group=conformance.quorate.dev", { table: true });

  t.section("explain");
  await t.until("explain sprocket");
  await t.call("explain sprocket");
  await t.call("explain spk.spec");
  await t.call("explain sprocket.spec.size");
  await t.call("explain sprocket.spec.ports --recursive");
  await t.call("explain sprocket.spec.absent");
  await t.call("explain absent");

  t.section("definitions that are refused");
  const broken = CRD_YAML.replaceAll("sprockets", "gadgets")
    .replaceAll("Sprocket", "Gadget")
    .replaceAll("sprocket", "gadget")
    .replace("[spk]", "[gd]");
  await t.call("apply -f -", { input: broken.replace("scope: Namespaced", "scope: Everywhere") });
  await t.call("apply -f -", { input: broken.replace("self.size <= self.limit", "self.absent") });
  await t.call("apply -f -", { input: broken.replace("self == oldSelf", "self + 1") });
  await t.call("apply -f -", { input: broken.replace("default: red", "default: blue") });
  await t.call("apply -f -", { input: broken.replace("name: gadgets.conf", "name: others.conf") });
}
