import { main } from "./shell/process.ts";

// Open handles must not keep a node alive that has decided to end.
process.exit(await main(process.argv.slice(2)));
