import { Writer } from "@quorate/node/kernel/codec";

/** Who a node claims to be, bound to the asker's words: what both of its keys sign. */
export interface IdentityClaim {
  readonly setUid: string;
  readonly podUid: string;
  /** One-time. */
  readonly token: string;
  readonly consensusKey: string;
  readonly networkKey: string;
}

/** The layout of node/docs/node.md, Birth. */
export function identityBytes(claim: IdentityClaim): Uint8Array {
  const writer = new Writer().text("quorate/v1/identity");
  writer.text(claim.setUid).text(claim.podUid).text(claim.token);
  return writer.hex32(claim.consensusKey).hex32(claim.networkKey).finish();
}
