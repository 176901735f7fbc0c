import type { AccountKey } from "@quorate/client/account-key";
import type { QuorateClient } from "@quorate/client/client";
import { InputError } from "@quorate/client/errors";
import { type Resize, resizeTransaction, signResize } from "@quorate/client/staking";
import { toHex } from "@quorate/node/kernel/bytes";
import type { Digest, Height, Millis, Power, PublicKey } from "@quorate/node/kernel/scalars";
import type { ResizeChange } from "@quorate/node/ledger/types";
import { type CommandOutput, toJson } from "../output.ts";
import { oneOf, parseHex32, parsePositive } from "../quantities.ts";
import { type ConsentFile, type Fields, readConsents } from "./consent-files.ts";

interface ResizeFields {
  readonly setHash: Digest;
  readonly change: "grow" | "shrink";
  readonly key: PublicKey;
  /** Null where the set shrinks. */
  readonly power: Power | null;
}

/** One owner's consent, as a file that travels to whoever submits it. */
export interface ResizeSignDocument extends ResizeFields {
  readonly command: "resize sign";
  readonly chainId: Digest;
  readonly owner: PublicKey;
  readonly signature: string;
}

export interface ResizeSubmitDocument extends ResizeFields {
  readonly command: "resize submit";
  readonly owners: readonly PublicKey[];
  readonly transaction: Digest;
  readonly height: Height;
  readonly timestampMs: Millis;
  readonly signers: number;
}

export interface ResizeArguments {
  readonly grow?: string;
  readonly shrink?: string;
  readonly power?: string;
  readonly setHash: string;
}

function fieldsOf(setHash: Digest, change: ResizeChange): ResizeFields {
  const power = change.kind === "grow" ? change.power : null;
  return { setHash, change: change.kind, key: change.key, power };
}

function lineOf({ change, key, power }: ResizeFields): string {
  if (change === "shrink") return `the seat of ${key} ends`;
  return `the spare ${key} gets a seat with power ${power}`;
}

function changeOf({ grow, shrink, power }: ResizeArguments): ResizeChange {
  if ((grow === undefined) === (shrink === undefined)) {
    const fix = "name the spare to seat by --grow, or the seat to end by --shrink, and not both";
    throw new InputError({ code: "ARGUMENT_MALFORMED", field: "--grow", fix });
  }
  if (grow !== undefined) {
    const key = parseHex32(grow, "--grow");
    return { kind: "grow", key, power: parsePositive(power ?? "", "--power", "micro-USD") };
  }
  if (power !== undefined) {
    const fix = "leave it out: a seat that ends takes its own power along";
    throw new InputError({ code: "OPTION_UNUSED", field: "--power", fix });
  }
  return { kind: "shrink", key: parseHex32(shrink ?? "", "--shrink") };
}

/** Needs no connection: the machine that has the owner's key need not have one. */
export function signResizeFile(
  given: ResizeArguments,
  { chainId, owner }: { readonly chainId: Digest; readonly owner: AccountKey },
): CommandOutput & { readonly document: ResizeSignDocument } {
  const setHash = parseHex32(given.setHash, "--set-hash");
  const change = changeOf(given);
  const { author, signature } = signResize({ setHash, change }, { chainId, owner });
  const fields = fieldsOf(setHash, change);
  const signed = { chainId, ...fields, owner: author, signature: toHex(signature) };
  const document = { command: "resize sign", ...signed } as const;
  return { document, lines: [`signed by ${author}: ${lineOf(fields)}`, toJson(document)] };
}

function resizeOf(read: Fields, file: string): Resize {
  const field = (name: string): string => String(read[name] ?? "");
  const setHash = parseHex32(field("setHash"), `${file} setHash`);
  const key = parseHex32(field("key"), `${file} key`);
  const power = read["power"] === null ? {} : { power: field("power") };
  const kind = oneOf(field("change"), `${file} change`, ["grow", "shrink"]);
  return { setHash, change: changeOf({ [kind]: key, setHash, ...power }) };
}

/** Sends the owners' consents to one change as one transaction; the chain counts their power. */
export async function submitResize(
  client: Pick<QuorateClient, "submit" | "chainId">,
  files: readonly ConsentFile[],
  sending: (bytes: Uint8Array) => void,
): Promise<CommandOutput & { readonly document: ResizeSubmitDocument }> {
  const form = { command: "resize sign", chainId: client.chainId, parse: resizeOf };
  const { fields: resize, signatures } = readConsents(files, form);
  const bytes = resizeTransaction(resize, signatures);
  sending(bytes);
  const { receipt, height, certificate } = await client.submit(bytes);
  const fields = fieldsOf(resize.setHash, resize.change);
  const document = {
    command: "resize submit",
    ...fields,
    owners: signatures.map(({ author }) => author),
    transaction: receipt.transaction,
    height,
    timestampMs: certificate.result.timestampMs,
    signers: certificate.signatures.length,
  } as const;
  return { document, lines: [`${lineOf(fields)}, from the epoch after height ${height}`] };
}
