import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Finding, judgeLogs, type Trust } from "../consensus/accountability.ts";
import { decodeChainRecord } from "../consensus/codec.ts";
import type { Charge } from "../consensus/misconduct-search.ts";
import type { ChainRecord } from "../consensus/types.ts";
import { ed25519 } from "../crypto/ed25519.ts";
import { toHex } from "../kernel/bytes.ts";
import type { Digest } from "../kernel/scalars.ts";
import type { SignatureScheme } from "../kernel/statements.ts";
import { genesisHash, genesisSet, parseGenesis } from "../ledger/genesis.ts";
import { encodeTransaction, misconductProof } from "../ledger/transaction.ts";
import { diskFileSystem } from "./disk/file-system.ts";
import { readLog } from "./disk/record-log.ts";

const HELP = `usage: npm run accountability -- --genesis FILE [--json] LEFT RIGHT

Compares the chain logs of two nodes (a data folder, or a file chain*.log; both are only read).
Where they cannot both be right, it names the members that broke the rules, at least f+1 of the
power, each with a proof. A proof is a transaction: anybody may submit it to a validator of the
chain.

  --genesis FILE  the chain's genesis file: who the first members are
  --json          one object (docs/schemas/accountability.schema.json)

exit codes: 0 the logs agree; 1 wrong usage or unreadable input; 2 a conflict, with culprits of f+1;
3 a conflict whose culprits the two logs do not show: the output says what to read besides.
`;

export interface AccountabilityPorts {
  readonly write: (text: string) => void;
  readonly scheme: SignatureScheme;
}

export const accountabilityPorts: AccountabilityPorts = {
  write: (text) => process.stdout.write(text),
  scheme: ed25519,
};

/** Files of a chain log in order: the first one has no number, shorter numbers are lower. */
function logFiles(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => /^chain.*\.log$/.test(name));
  if (names.length === 0) throw new Error(`${path}: no chain*.log in this folder`);
  const byHeight = names.toSorted((left, right) => {
    return left.length - right.length || (left < right ? -1 : 1);
  });
  return byHeight.map((name) => join(path, name));
}

async function readRecords(path: string): Promise<readonly ChainRecord[]> {
  const records: ChainRecord[] = [];
  for (const file of logFiles(path)) {
    await readLog(diskFileSystem, file, ({ bytes }) => records.push(decodeChainRecord(bytes)));
  }
  return records;
}

function readTrust(file: string, scheme: SignatureScheme): Trust {
  const bytes = readFileSync(file);
  const parsed = parseGenesis(bytes);
  if (!parsed.ok) throw new Error(`${file}: ${parsed.error.field}: ${parsed.error.fix}`);
  return { chainId: genesisHash(bytes), scheme, genesisSet: genesisSet(parsed.value) };
}

/** The transaction by which the ledger condemns the culprit. */
export function proofOf(chainId: Digest, charge: Charge): Uint8Array {
  if (charge.kind === "pair") {
    return encodeTransaction(misconductProof(chainId, charge.first, charge.second));
  }
  const { vote, block } = charge;
  return encodeTransaction({ kind: "invalid-vote-proof", chainId, vote, block: block.bytes });
}

function describe(chainId: Digest, finding: Finding) {
  const { conflict, charges, power, needed, isComplete, missing } = finding;
  return {
    conflict,
    power: power.toString(),
    needed: needed.toString(),
    complete: isComplete,
    missing: missing ?? null,
    culprits: charges.map((charge) => ({
      key: charge.culprit,
      evidence: charge.evidence,
      proof: toHex(proofOf(chainId, charge)),
    })),
  };
}

function asText(findings: readonly ReturnType<typeof describe>[]): string {
  if (findings.length === 0) return "no conflict: as far as both logs go they are one chain\n";
  return findings
    .map(({ conflict, culprits, power, needed, missing }) => {
      const { kind, epoch, height, left, right } = conflict;
      const lines = [
        `conflicting ${kind} in epoch ${epoch} at height ${height}: ${left} and ${right}`,
        `culprits hold ${power} of the power; a fork needs ${needed}`,
        ...culprits.map(({ key, evidence, proof }) => `  ${key} ${evidence} ${proof}`),
        ...(missing === null ? [] : [`incomplete: ${missing}`]),
      ];
      return `${lines.join("\n")}\n`;
    })
    .join("\n");
}

/** The command; returns its exit code. */
export async function accountability(
  args: readonly string[],
  { write, scheme }: AccountabilityPorts = accountabilityPorts,
): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        genesis: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      write(HELP);
      return 0;
    }
    const [left, right, ...rest] = positionals;
    if (values.genesis === undefined) throw new Error("--genesis: name the chain's genesis file");
    if (left === undefined || right === undefined || rest.length > 0) {
      throw new Error("name two chain logs: LEFT RIGHT");
    }
    const trust = readTrust(values.genesis, scheme);
    const findings = judgeLogs(trust, await readRecords(left), await readRecords(right));
    const described = findings.map((finding) => describe(trust.chainId, finding));
    write(
      values.json ? `${JSON.stringify({ findings: described }, null, 2)}\n` : asText(described),
    );
    if (findings.length === 0) return 0;
    return findings.some(({ isComplete }) => isComplete) ? 2 : 3;
  } catch (error) {
    write(`accountability: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
