// npm start: the operator heals a set on a local cluster while it margins real prices.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputProblem } from "../command-line/input-problem.ts";
import { printReport, runCommand, runProgram } from "../command-line/run.ts";
import { Deployment } from "./deployment.ts";
import { MainJob } from "./job.ts";
import { HELP, type Options, parseOptions } from "./options.ts";
import { readPrices } from "./price-file.ts";
import { Story } from "./story.ts";
import { summaryText } from "./summary-text.ts";

const PROMISE_BROKEN = 1;

async function run(options: Options): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-"));
  const say = (text: string) => {
    if (!options.json) process.stdout.write(text);
  };
  const interrupted = nextInterrupt();
  let leavesNothing = false;
  let deployment: Deployment | undefined;
  let job: MainJob | undefined;
  try {
    const prices = readPrices(options.prices);
    const story = new Story((line) => say(`${line}\n`));
    deployment = await Deployment.start(options, folder, story);
    job = await Promise.race([MainJob.start(options, { deployment, story, prices }), interrupted]);
    const ran = job && (await Promise.race([job.run(), interrupted]));
    if (job === undefined || ran === undefined) {
      process.stderr.write("interrupted before the end: there is no summary\n");
      leavesNothing = job === undefined;
      return PROMISE_BROKEN;
    }
    if (options.keep) {
      say(await keepText(job));
      await interrupted;
    }
    const summary = await job.conclude(ran);
    leavesNothing = summary.kept;
    printReport("main-job-summary", summary, { json: options.json, text: summaryText });
    return summary.kept ? 0 : PROMISE_BROKEN;
  } catch (error) {
    leavesNothing = error instanceof InputProblem;
    throw error;
  } finally {
    await job?.stop();
    await deployment?.stop();
    if (leavesNothing) rmSync(folder, { recursive: true, force: true });
    else process.stderr.write(`logs, keys and chain of every node are in ${folder}\n`);
  }
}

/** Ctrl-C or a polite kill, once; a second one ends the process the hard way. */
function nextInterrupt(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => resolve(undefined));
    }
  });
}

async function keepText({ deployment, set }: MainJob): Promise<string> {
  const { namespace } = set.plan;
  return [
    "The cluster stays up until Ctrl-C. In another terminal:",
    "",
    `  export KUBECONFIG=${deployment.provider.kubeconfigFile}`,
    `  export QUORATE_GENESIS=${set.genesisFile}`,
    `  export QUORATE_ENDPOINTS=${(await set.endpoints()).join(",")}`,
    `  kubectl -n ${namespace} get validatorsets,validatorrotations,pods`,
    `  kubectl -n ${namespace} describe validatorset ${set.plan.name}`,
    "  npx quorate query set",
    "  npx quorate query market 0",
    "  npx quorate account keygen --out trader.pem",
    "  npx quorate order place --help",
    "",
    "",
  ].join("\n");
}

await runProgram((args) => runCommand({ help: HELP, parse: parseOptions, act: run }, args));
