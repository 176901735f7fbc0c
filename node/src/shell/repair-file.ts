import { join } from "node:path";
import { z } from "zod";
import type { RepairPlan } from "../consensus/repair-plan.ts";
import { findProtocol, type Protocols } from "../ledger/protocol.ts";
import { diskFileSystem } from "./disk/file-system.ts";
import { FatalError } from "./fatal-error.ts";

const NAME = "repair.json";
const count = z.int().nonnegative();

const schema = z.strictObject({
  /** The epoch that is abandoned. */
  epoch: count.positive(),
  /** Last certified height, and its state root: the chain goes on from there. */
  height: count.positive(),
  stateRoot: z.string().regex(/^[0-9a-f]{64}$/, "write 64 lower-case hex characters"),
  /** Protocol version to go on with. */
  version: count.positive(),
  /** Members whose disks are gone; a result that only they would certify may become void. */
  lost: z.array(z.string().regex(/^[0-9a-f]{64}$/, "write consensus keys in hex")).optional(),
});

function malformed(path: string, problem: string): FatalError {
  const fix = "write epoch, height, stateRoot and version as node/docs/node.md says, or remove it";
  return new FatalError("REPAIR_MALFORMED", `${path}: ${problem}`, fix);
}

/**
 * SPLIT: the owner's decision, written by hand into the data folder. No listener can write it. It
 * has no effect once the epoch that it names is over. Throws FatalError REPAIR_MALFORMED.
 */
export async function readRepairPlan(
  folder: string,
  protocols: Protocols,
): Promise<RepairPlan | undefined> {
  const path = join(folder, NAME);
  const bytes = await diskFileSystem.read(path);
  if (bytes === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw malformed(path, cause instanceof Error ? cause.message : String(cause));
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) {
    const { version } = parsed.data;
    // A key endorses one repair of an epoch: a wrong number must not be that one.
    if (findProtocol(protocols, version) !== undefined) return parsed.data;
    const held = protocols.map((protocol) => protocol.version).join(", ");
    throw malformed(path, `version: this binary holds ${held}, not ${version}`);
  }
  const [issue] = parsed.error.issues;
  throw malformed(path, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "wrong"}`);
}
