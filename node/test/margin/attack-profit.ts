// What a corrupt quorum gains with and without rule CAPS: npm run attack [-- --json]
import { parseArgs } from "node:util";
import { type AttackReport, attack, CAPS_IN_FORCE } from "./attack.ts";

const HELP = `Usage: npm run attack -- [options]

Lets a quorum print a price 30 % too high for an account of US$ 2,000,000 on a chain of four bonds
of US$ 1,000,000: once without caps, once with the cap on what leaves the chain, once with the cap
on open interest too. Prints what the attack gains (rule CAPS; node/spec/margin.md §8.7 and §9.1).

  --json   one object: {"attacks": [{"caps", "lots", ...}]}, amounts in micro-USD as decimal strings
  --help   this text

Exit status: 0 if the attack pays without caps and loses with them, 1 if not, 2 for wrong input.
`;

function usd(amount: bigint): string {
  const whole = amount / 1_000_000n;
  return whole.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

const COLUMNS: readonly (readonly [string, (report: AttackReport) => string])[] = [
  ["caps", ({ caps }) => caps],
  ["lots", ({ lots }) => String(lots)],
  ["paper gain", ({ paperGain }) => usd(paperGain)],
  ["taken out", ({ takenOut }) => usd(takenOut)],
  ["brought in", ({ broughtIn }) => usd(broughtIn)],
  ["bonds lost", ({ bondsLost }) => usd(bondsLost)],
  ["profit, US$", ({ profit }) => usd(profit)],
];

function table(reports: readonly AttackReport[]): string {
  const rows = [
    COLUMNS.map(([title]) => title),
    ...reports.map((report) => COLUMNS.map(([, cell]) => cell(report))),
  ];
  const widths = COLUMNS.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join("  ");
  return `${rows.map(line).join("\n")}\n`;
}

function json(reports: readonly AttackReport[]): string {
  const asText = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
  return `${JSON.stringify({ attacks: reports }, asText)}\n`;
}

function main(args: readonly string[]): number {
  let values: { readonly json?: boolean | undefined; readonly help?: boolean | undefined };
  try {
    const options = { json: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;
    values = parseArgs({ args: [...args], options }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const reports = CAPS_IN_FORCE.map(attack);
  process.stdout.write(values.json === true ? json(reports) : table(reports));
  const pays = reports.map(({ profit }) => profit > 0n);
  return pays[0] === true && pays.slice(1).every((each) => !each) ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
