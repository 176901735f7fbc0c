import { InputError } from "@quorate/client/errors";
import type { OwnerSignature } from "@quorate/client/staking";
import { fromHex, isHex } from "@quorate/node/kernel/bytes";
import type { Digest } from "@quorate/node/kernel/scalars";
import { toJson } from "../output.ts";
import { parseHex32 } from "../quantities.ts";

/** What an owner signed, as it travels to whoever submits it. */
export interface ConsentFile {
  readonly name: string;
  readonly text: string;
}

export type Fields = Readonly<Record<string, unknown>>;

/** How the files of one command are read. */
export interface ConsentForm<T> {
  /** What wrote them, such as `resize sign`. */
  readonly command: string;
  readonly chainId: Digest;
  /** What the owner signed; throws InputError that names `file`. */
  readonly parse: (read: Fields, file: string) => T;
}

function malformed(file: string, fix: string, cause?: unknown): InputError {
  return new InputError({ code: "SIGNATURE_FILE", field: file, fix }, { cause });
}

function readOne<T>(
  { name: file, text }: ConsentFile,
  { command, chainId, parse }: ConsentForm<T>,
): { readonly fields: T; readonly consent: OwnerSignature } {
  const fix = `pass what \`${command} --json\` wrote`;
  let read: Fields;
  try {
    read = Object(JSON.parse(text));
  } catch (cause) {
    throw malformed(file, `it is no JSON: ${fix}`, cause);
  }
  const field = (name: string): string => String(read[name] ?? "");
  if (field("chainId") !== chainId) {
    throw malformed(file, `it is signed for chain ${field("chainId")}, and this is ${chainId}`);
  }
  if (field("command") !== command) {
    throw malformed(file, `it is of command "${field("command")}": ${fix}`);
  }
  if (!isHex(field("signature"), 64)) {
    throw malformed(file, `it has no signature of 64 bytes: ${fix}`);
  }
  const author = parseHex32(field("owner"), `${file} owner`);
  const signature = fromHex(field("signature"));
  return { fields: parse(read, file), consent: { author, signature } };
}

/**
 * The owners' consents to one and the same thing.
 * @throws InputError that names the file which is no consent, or one to something else.
 */
export function readConsents<T extends object>(
  files: readonly ConsentFile[],
  form: ConsentForm<T>,
): { readonly fields: T; readonly signatures: readonly OwnerSignature[] } {
  const signed = files.map((file) => readOne(file, form));
  const [first] = signed;
  if (first === undefined) throw malformed("FILE", "name the files of the owners' signatures");
  const other = signed.findIndex(({ fields }) => toJson(fields) !== toJson(first.fields));
  if (other !== -1) {
    const fix = `it signs another change than ${files[0]?.name}`;
    throw malformed(files[other]?.name ?? "", fix);
  }
  return { fields: first.fields, signatures: signed.map(({ consent }) => consent) };
}
