// A binary with a bug that its machine alone has: it refuses a faucet of 13 (rule SPLIT).
import { applyDecoded } from "../../src/ledger/apply-transaction.ts";
import { PROTOCOL_1 } from "../../src/ledger/protocol.ts";
import { main } from "../../src/shell/process.ts";

const protocol: typeof PROTOCOL_1 = {
  ...PROTOCOL_1,
  apply: (work, transaction, place) => {
    const isTrigger = transaction.kind === "faucet" && transaction.amount === 13n;
    if (isTrigger) return { code: "OTHER_MACHINE", field: "amount", fix: "a bug" };
    return applyDecoded(work, transaction, place);
  },
};

process.exit(await main(process.argv.slice(2), { protocols: [protocol] }));
