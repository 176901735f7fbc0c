import { InputError } from "@quorate/client/errors";
import type { Command } from "commander";
import type { CommandOutput } from "../output.ts";
import { example, leaf, type Run, show } from "../program-parts.ts";
import { parseCounter } from "../quantities.ts";
import { approve } from "./approve.ts";
import { clusterFolder, kubeconfigFiles } from "./kubeconfig-files.ts";
import { followLogs, logs } from "./logs.ts";
import { endorse, rotate } from "./owner-acts.ts";
import { plan } from "./plan.ts";
import type { Cluster } from "./ports.ts";
import { showStatus } from "./status.ts";
import { down, up } from "./up.ts";
import { why } from "./why.ts";

interface ClusterOptions {
  readonly namespace?: string;
  readonly kubeconfig?: string;
}

/** A command that asks an API server. */
function clusterLeaf(parent: Command, name: string, description: string): Command {
  return leaf(parent, name, description)
    .option("-n, --namespace <name>", "namespace of the set")
    .option("--kubeconfig <file>", "API server and credentials (default: KUBECONFIG)");
}

/** Opens the cluster, runs, closes. */
async function onCluster<T>(
  { ports }: Run,
  { kubeconfig }: ClusterOptions,
  act: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const cluster = await ports.openCluster(kubeconfigFiles(kubeconfig, ports.environment));
  try {
    return await act(cluster);
  } finally {
    cluster.close();
  }
}

/** What a command of sets does, and how it is printed. */
class ClusterCommands {
  readonly #program: Command;
  readonly #run: Run;
  readonly #isJson: boolean;

  constructor(program: Command, run: Run, isJson: boolean) {
    this.#program = program;
    this.#run = run;
    this.#isJson = isJson;
  }

  #show(output: CommandOutput): void {
    show(this.#run, this.#isJson, output);
  }

  async #asked(
    options: ClusterOptions,
    act: (cluster: Cluster, nowMs: number) => Promise<CommandOutput>,
  ): Promise<void> {
    const { nowMs } = this.#run.ports;
    this.#show(await onCluster(this.#run, options, (cluster) => act(cluster, nowMs())));
  }

  addLocal(): void {
    const { ports } = this.#run;
    const { environment } = ports;
    example(
      leaf(this.#program, "up", "start a local cluster with the operator on this machine"),
      "quorate up --nodes 5",
    )
      .option("--folder <path>", "holds all state (default: ~/.local/state/quorate)")
      .option("--nodes <count>", "virtual machines, each a zone of its own", "5")
      .option("--no-operator", "the bare cluster")
      .action(async (options: { folder?: string; nodes: string; operator: boolean }) => {
        const folder = clusterFolder(options.folder, environment);
        const nodes = parseNodes(options.nodes);
        const isDefault = options.folder === undefined;
        this.#show(await up(ports, { folder, isDefault, nodes, operator: options.operator }));
      });
    example(
      leaf(this.#program, "down", "stop the local cluster; its state stays"),
      "quorate down",
      "quorate down --delete --confirm quorate",
    )
      .option("--folder <path>", "as given to up")
      .option("--delete", "remove the folder with every key in it")
      .option("--confirm <word>", "with --delete: the folder's last name")
      .action(async (options: { folder?: string; delete?: boolean; confirm?: string }) => {
        const folder = clusterFolder(options.folder, environment);
        const { confirm } = options;
        this.#show(await down(ports, { folder, delete: options.delete === true, confirm }));
      });
  }

  addQuestions(): void {
    example(
      clusterLeaf(this.#program, "status [name]", "sets, their members and rotations"),
      "quorate status dev -n quorate-dev",
    ).action((name: string | undefined, options: ClusterOptions) =>
      this.#asked(options, (cluster, nowMs) =>
        showStatus(cluster, { name, namespace: options.namespace }, nowMs),
      ),
    );
    example(
      clusterLeaf(
        this.#program,
        "why <name> [member]",
        "what was decided, which rules hold it back, and what you can do",
      ),
      "quorate why dev -n quorate-dev",
      "quorate why dev dev-2 -n quorate-dev",
    ).action((name: string, member: string | undefined, options: ClusterOptions) =>
      this.#asked(options, (cluster, nowMs) =>
        why(cluster, { name, member, namespace: options.namespace }, nowMs),
      ),
    );
    example(
      clusterLeaf(this.#program, "plan [name]", "what the operator would do, by its real rules"),
      "quorate plan dev -n quorate-dev --fail dev-2",
      "quorate plan dev -n quorate-dev --zone zone-3",
    )
      .option("--fail <member...>", "suppose that these fall silent and cannot be reached")
      .option("--zone <zone...>", "suppose that all machines of these zones are down")
      .action(
        (
          name: string | undefined,
          options: ClusterOptions & { readonly fail?: string[]; readonly zone?: string[] },
        ) => {
          const { namespace, fail = [], zone: zones = [] } = options;
          const question = { name, namespace, fail, zones };
          return this.#asked(options, (cluster, nowMs) => plan(cluster, question, nowMs));
        },
      );
  }

  addLogs(): void {
    example(
      clusterLeaf(this.#program, "logs [name] [member]", "logs of members, or of the operator"),
      "quorate logs dev dev-2 -n quorate-dev --tail 20",
      "quorate logs --operator -f",
    )
      .option("--operator", "the operator's own logs")
      .option("-f, --follow", "go on with what comes")
      .option("--tail <lines>", "the newest lines of each pod")
      .action(
        async (name: string | undefined, member: string | undefined, options: LogsOptions) => {
          const { namespace, tail, follow, operator } = options;
          const question = {
            name,
            member,
            namespace,
            operator: operator === true,
            tail: tail === undefined ? undefined : parseCounter(tail, "--tail"),
          };
          if (follow === true && this.#isJson) {
            const fix = "leave one out: what never ends is no document";
            throw new InputError({ code: "ARGUMENT_CONFLICT", field: "--json, --follow", fix });
          }
          const { ports } = this.#run;
          const signal = ports.interrupted();
          await onCluster(this.#run, options, async (cluster) => {
            if (follow !== true) return this.#show(await logs(cluster, question, signal));
            const print = (line: string): void => ports.stdout(`${line}\n`);
            await followLogs(cluster, question, print, signal);
          });
        },
      );
  }

  addActs(): void {
    example(
      clusterLeaf(this.#program, "approve <name> [rotation]", "say yes to a plan (mode Approve)"),
      "quorate approve dev --latest -n quorate-dev",
    )
      .option("--latest", "the newest plan that waits")
      .option("--dry-run", "only show what would be approved")
      .action((name: string, rotation: string | undefined, options: ApproveOptions) => {
        const { namespace, latest, dryRun } = options;
        if ((rotation === undefined) !== (latest === true)) {
          const fix = "name the ValidatorRotation, or give --latest; status shows them";
          throw new InputError({ code: "ARGUMENT_MISSING", field: "ROTATION", fix });
        }
        const question = { name, rotation, namespace, dryRun: dryRun === true };
        return this.#asked(options, (cluster, nowMs) => approve(cluster, question, nowMs));
      });
    this.#addOwnerAct(
      "rotate",
      "swap a seat's key for a spare's, by its owner's signature",
      rotate,
    );
    this.#addOwnerAct("endorse", "sign for a joining spare: it needs no minimum age", endorse);
  }

  #addOwnerAct(word: string, description: string, act: typeof rotate): void {
    const member = word === "rotate" ? "dev-1" : "dev-5";
    const call = `quorate ${word} dev ${member} --owner-key owner.pem -n quorate-dev`;
    example(
      clusterLeaf(this.#program, `${word} <name> <member>`, description),
      call,
      `${call} --dry-run > signed.yaml`,
    )
      .requiredOption("--owner-key <file>", "private key of the owner; it stays in this process")
      .option("--dry-run", "print the YAML that another machine can apply")
      .action(async (name: string, given: string, options: OwnerOptions) => {
        const { namespace, dryRun } = options;
        const ownerKey = await this.#run.ports.readText(options.ownerKey, "--owner-key");
        const question = { name, member: given, namespace, ownerKey, dryRun: dryRun === true };
        await this.#asked(options, (cluster, nowMs) => act(cluster, question, nowMs));
      });
  }
}

type LogsOptions = ClusterOptions & {
  readonly operator?: boolean;
  readonly follow?: boolean;
  readonly tail?: string;
};
type ApproveOptions = ClusterOptions & { readonly latest?: boolean; readonly dryRun?: boolean };
type OwnerOptions = ClusterOptions & { readonly ownerKey: string; readonly dryRun?: boolean };

/** The local cluster numbers its machines' addresses with one byte. */
const NODES_MAX = 50;

function parseNodes(text: string): number {
  const nodes = parseCounter(text, "--nodes");
  if (nodes >= 1 && nodes <= NODES_MAX) return nodes;
  const fix = `give a number of machines from 1 to ${NODES_MAX}, not ${text}`;
  throw new InputError({ code: "ARGUMENT_MALFORMED", field: "--nodes", fix });
}

export function addClusterCommands(program: Command, run: Run, isJson: boolean): void {
  const commands = new ClusterCommands(program, run, isJson);
  commands.addLocal();
  commands.addQuestions();
  commands.addLogs();
  commands.addActs();
}
