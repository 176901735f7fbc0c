import type { AccountKey } from "@quorate/client/account-key";
import type { QuorateClient } from "@quorate/client/client";
import { InputError } from "@quorate/client/errors";
import { resizeTransaction, signResize } from "@quorate/client/staking";
import { fromHex, isHex, toHex } from "@quorate/node/kernel/bytes";
import type { Digest, Height, Millis, Power, PublicKey } from "@quorate/node/kernel/scalars";
import type { ResizeChange } from "@quorate/node/ledger/types";
import { type CommandOutput, toJson } from "../output.ts";
import { parseHex32, parsePositive } from "../quantities.ts";

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

interface SignedFile {
  readonly terms: string;
  readonly setHash: Digest;
  readonly change: ResizeChange;
  readonly owner: PublicKey;
  readonly signature: Uint8Array;
}

function malformed(file: string, fix: string, cause?: unknown): InputError {
  return new InputError({ code: "SIGNATURE_FILE", field: file, fix }, { cause });
}

function parseSigned(file: string, text: string, chainId: Digest): SignedFile {
  let read: Readonly<Record<string, unknown>>;
  try {
    read = Object(JSON.parse(text));
  } catch (cause) {
    throw malformed(file, "it is no JSON: pass what `resize sign --json` wrote", cause);
  }
  const field = (name: string): string => String(read[name] ?? "");
  if (field("chainId") !== chainId) {
    throw malformed(file, `it is signed for chain ${field("chainId")}, and this is ${chainId}`);
  }
  if (!isHex(field("signature"), 64)) {
    throw malformed(file, "it has no signature of 64 bytes: pass what `resize sign --json` wrote");
  }
  const setHash = parseHex32(field("setHash"), `${file} setHash`);
  const key = parseHex32(field("key"), `${file} key`);
  const power = read["power"] === null ? {} : { power: field("power") };
  const change = changeOf({ [field("change")]: key, setHash, ...power });
  const owner = parseHex32(field("owner"), `${file} owner`);
  const terms = toJson(fieldsOf(setHash, change));
  return { terms, setHash, change, owner, signature: fromHex(field("signature")) };
}

/** Sends the owners' consents to one change as one transaction; the chain counts their power. */
export async function submitResize(
  client: Pick<QuorateClient, "submit" | "chainId">,
  files: readonly { readonly name: string; readonly text: string }[],
  sending: (bytes: Uint8Array) => void,
): Promise<CommandOutput & { readonly document: ResizeSubmitDocument }> {
  const signed = files.map(({ name, text }) => parseSigned(name, text, client.chainId));
  const [first] = signed;
  if (first === undefined) throw malformed("FILE", "name the files of the owners' signatures");
  const other = signed.findIndex(({ terms }) => terms !== first.terms);
  if (other !== -1) {
    throw malformed(files[other]?.name ?? "", `it signs another change than ${files[0]?.name}`);
  }
  const signatures = signed.map(({ owner, signature }) => ({ author: owner, signature }));
  const bytes = resizeTransaction(first, signatures);
  sending(bytes);
  const { receipt, height, certificate } = await client.submit(bytes);
  const fields = fieldsOf(first.setHash, first.change);
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
