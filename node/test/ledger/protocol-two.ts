import { DecodeError, Reader, Writer } from "../../src/kernel/codec.ts";
import { applyDecoded } from "../../src/ledger/apply-transaction.ts";
import { LEAF_LAYOUTS } from "../../src/ledger/leaf-layouts.ts";
import { decodeOwner, encodeOwner } from "../../src/ledger/leaves.ts";
import { PROTOCOL_1, type Protocol, type Protocols } from "../../src/ledger/protocol.ts";

/**
 * A second version that exists in tests alone: its owner leaves begin with the byte 2 (a format
 * migration), money that existed in treasuries is rounded down to tens (a migration of values, the
 * rest goes to the slashed pot, so that value is conserved), and a faucet of an odd amount is
 * refused (a rule that shows in receipts).
 */
export const PROTOCOL_2: Protocol = {
  version: 2,
  apply: (work, transaction, place) => {
    if (transaction.kind === "faucet" && transaction.amount % 2n === 1n) {
      return { code: "ODD_AMOUNT", field: "amount", fix: "version 2 takes even amounts" };
    }
    return applyDecoded(work, transaction, place);
  },
  layouts: {
    ...LEAF_LAYOUTS,
    owner: {
      encode: (owner) => new Writer().u8(2).bytes(encodeOwner(owner)).finish(),
      decode: (bytes) => {
        const reader = new Reader(bytes);
        const version = reader.u8("version");
        if (version !== 2) throw new DecodeError("version", `${version} is not 2`);
        const owner = decodeOwner(reader.bytes("owner", 1_024));
        reader.end();
        return owner;
      },
    },
  },
  migrate: (state) => {
    const owners = new Map(state.owners);
    let { slashedPot } = state;
    for (const [key, owner] of owners) {
      const rest = owner.treasury % 10n;
      if (rest === 0n) continue;
      owners.set(key, { ...owner, treasury: owner.treasury - rest });
      slashedPot += rest;
    }
    return { ...state, owners, slashedPot };
  },
};

/** What the next release would hold: the active version and the one to come. */
export const BOTH: Protocols = [PROTOCOL_1, PROTOCOL_2];
/** What it holds once nobody needs version 1 any more. */
export const ONLY_TWO: Protocols = [PROTOCOL_2];
