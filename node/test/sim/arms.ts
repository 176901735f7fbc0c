import { readdirSync, readFileSync } from "node:fs";
import { TAMPERS } from "./adversaries/invalid-proposals.ts";
import { JUNK_KINDS } from "./adversaries/junk.ts";
import { EQUIVOCATIONS, LIAR_KINDS } from "./liars.ts";
import { STORM_KINDS } from "./storms.ts";

const SOURCE = new URL("../../src/", import.meta.url);

/** One way in which a rule can say no, or a thing can happen, and what counts as a hit of it. */
export interface Arm {
  readonly name: string;
  readonly isHit: (counted: ReadonlyMap<string, number>) => boolean;
}

interface Refused {
  readonly file: string;
  readonly code: string;
  readonly field: string | undefined;
}

/**
 * Codes as the sources write them: `refuse("CODE", "field"`, `{ code: "CODE", field: "field" }`.
 */
function refusalsOf(folder: string, isIn: (file: string) => boolean): readonly Refused[] {
  const files = readdirSync(new URL(`${folder}/`, SOURCE)).filter(
    (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && isIn(file),
  );
  const written =
    /(?:\brefused?\(\s*|\bfailed\(\s*|\bcode: )"([A-Z][A-Z0-9_]+)"(?:,\s*(?:field: )?"([^"]+)")?/g;
  return files.flatMap((file) => {
    const text = readFileSync(new URL(`${folder}/${file}`, SOURCE), "utf8");
    return Array.from(text.matchAll(written), ([, code = "", field]) => {
      return { file: `${folder}/${file}`, code, field };
    });
  });
}

type Prefix = "peer" | "receipt" | "client" | "action" | "proposal";

function refusalArm(refused: Refused, prefixes: readonly Prefix[]): Arm {
  const { file, code, field } = refused;
  const exact = field === undefined ? undefined : `peer: ${code} ${field}`;
  return {
    name: `${file} ${code}${field === undefined ? "" : ` ${field}`}`,
    isHit(counted) {
      if (exact !== undefined && prefixes.includes("peer") && counted.has(exact)) return true;
      return prefixes.some((prefix) => {
        if (prefix !== "peer") return counted.has(`${prefix}: ${code}`);
        const start = `peer: ${code} `;
        return field === undefined && [...counted.keys()].some((name) => name.startsWith(start));
      });
    },
  };
}

function plainArms(prefix: string, names: readonly string[]): readonly Arm[] {
  return names.map((each) => {
    const name = `${prefix}: ${each}`;
    return { name, isHit: (counted) => counted.has(name) };
  });
}

const OFFENCES = ["E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E10", "E9"];

/** What the code refuses with in a running network, and what a run can see happen. */
export function allArms(): readonly Arm[] {
  const always = () => true;
  const consensus = refusalsOf("consensus", always);
  const certificates = refusalsOf("kernel", (file) => file === "certificates.ts");
  // A genesis is read before there is a network.
  const ledger = refusalsOf("ledger", (file) => !file.startsWith("genesis"));
  const margin = refusalsOf("margin", always);
  const replica = refusalsOf("replica", always);
  const arms = [
    ...consensus.map((each) => refusalArm(each, ["peer", "proposal"])),
    ...certificates.map((each) => refusalArm(each, ["peer", "proposal"])),
    ...ledger.map((each) => refusalArm(each, ["receipt", "client"])),
    ...replica.map((each) => refusalArm(each, ["client"])),
    ...margin.map((each) => refusalArm(each, ["action"])),
    ...plainArms("evidence found", OFFENCES.slice(0, -1)),
    ...plainArms("evidence accepted", OFFENCES.slice(0, -1)),
    ...plainArms("event", ["jailed", "spare-registered"]),
    ...plainArms("adversary", [...LIAR_KINDS, "thief"]),
    ...plainArms("equivocation", EQUIVOCATIONS),
    ...plainArms("invalid proposal", [...Object.keys(TAMPERS), "out of turn"]),
    ...plainArms("storm", STORM_KINDS),
    ...plainArms("junk", JUNK_KINDS),
    ...plainArms("set changed by", ["silence", "misconduct", "owner", "mute", "unmute"]),
    ...plainArms("burn", ["keys burnt"]),
    ...plainArms("event", ["protocol"]),
    ...plainArms("commit by", ["order", "two-chain", "attested"]),
    ...plainArms("round entered by", ["qc", "tc", "epoch"]),
  ];
  const byName = new Map(arms.map((arm) => [arm.name, arm]));
  return [...byName.values()];
}

export interface ArmReport {
  readonly hit: number;
  readonly all: number;
  readonly never: readonly string[];
}

export function reportArms(counted: ReadonlyMap<string, number>): ArmReport {
  const arms = allArms();
  const never = arms.filter((arm) => !arm.isHit(counted)).map(({ name }) => name);
  return { hit: arms.length - never.length, all: arms.length, never: never.toSorted() };
}
