import { Network, type TestNode } from "../consensus/network.ts";
import { setOf } from "../consensus/stub-keys.ts";

export interface ManyReport {
  readonly blocks: number;
  /** Received by one member for each block. */
  readonly messages: number;
  /** Signatures that one member verified for each block. */
  readonly verifications: number;
}

/** Runs that many members for a while on perfect links; the first one's work is counted. */
export function runMany(members: number, ms: number): ManyReport {
  const names = Array.from({ length: members }, (_, index) => `n${index}`);
  const network = new Network({
    set: setOf(1, Object.fromEntries(names.map((name) => [name, 1n]))),
    names,
  });
  const first = network.node("n0");
  let messages = 0;
  let verifications = 0;
  network.delay = (_, to) => {
    if (to === first.name) messages += 1;
    return 1;
  };
  const { scheme } = first.config;
  const counting: typeof scheme = {
    verify: (author, message, signature) => {
      verifications += 1;
      return scheme.verify(author, message, signature);
    },
  };
  const config = { ...first.config, scheme: counting };
  first.state = { ...first.state, config };
  network.start();
  network.run(ms);
  const blocks = Math.max(heightOf(first), 1);
  return {
    blocks: heightOf(first),
    messages: Math.round(messages / blocks),
    verifications: Math.round(verifications / blocks),
  };
}

function heightOf({ executed }: TestNode): number {
  return executed.at(-1)?.block.block.height ?? 0;
}
