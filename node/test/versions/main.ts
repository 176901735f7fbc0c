// The node as its next release would be: it holds both protocol versions (rule VERSION).
import { main } from "../../src/shell/process.ts";
import { BOTH } from "../ledger/protocol-two.ts";

process.exit(await main(process.argv.slice(2), { protocols: BOTH }));
