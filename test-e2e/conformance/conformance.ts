import { clientSideApply, serverSideApply } from "./script/applying.ts";
import { changes, selection } from "./script/changes.ts";
import { definitions } from "./script/definitions.ts";
import { CRD, NAMESPACE } from "./script/objects.ts";
import { people, pods } from "./script/pods.ts";
import { refusals } from "./script/refusals.ts";
import { time } from "./script/time.ts";
import type { Transcript } from "./transcript.ts";

/** Writes down the answers of one API server to the script; two servers are compared by them. */
export async function runConformance(transcript: Transcript): Promise<void> {
  try {
    await clean(transcript);
    for (const part of PARTS) await part(transcript);
  } finally {
    await clean(transcript);
    transcript.close();
  }
}

const PARTS = [
  definitions,
  clientSideApply,
  serverSideApply,
  refusals,
  changes,
  selection,
  time,
  pods,
  people,
] as const;

/** What an earlier run may have left, a finalizer that nobody serves among it. */
async function clean(transcript: Transcript): Promise<void> {
  const crd = await transcript.ask(`get crd ${CRD} --ignore-not-found -o name`);
  const held = `sprockets -n ${NAMESPACE} -o name`;
  const left = crd === "" ? "" : await transcript.ask(`get ${held}`);
  for (const one of left.split("\n").filter((name) => name !== "")) {
    const release = `-p '{"metadata":{"finalizers":null}}'`;
    await transcript.ask(`patch -n ${NAMESPACE} ${one} --type=merge ${release}`);
  }
  await transcript.ask(`delete namespace ${NAMESPACE} --ignore-not-found`);
  const refused = ["gadgets", "others"].map((name) => `${name}.conformance.quorate.dev`);
  await transcript.ask(`delete crd ${CRD} ${refused.join(" ")} --ignore-not-found`);
}
