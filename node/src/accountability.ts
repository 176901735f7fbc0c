// Who forked the chain: compares the logs of two nodes. npm run accountability -- --help
import { accountability } from "./shell/accountability.ts";

process.exitCode = await accountability(process.argv.slice(2));
