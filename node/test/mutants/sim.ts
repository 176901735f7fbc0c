import type { Mutant } from "./mutant.ts";

/** Rules whose loss only a whole network shows. */
export const simMutants: readonly Mutant[] = [
  {
    name: "sim-quorum-of-half",
    rule: "EPOCH: Q = floor(2W/3)+1",
    file: "node/src/kernel/threshold.ts",
    find: "return (2n * total) / 3n + 1n;",
    replace: "return total / 2n + 1n;",
    test: "node/test/sim/twins.test.ts",
    testName: "agreement under twins (quorum)",
  },
  {
    name: "sim-vote-before-fsync",
    rule: "JOURNAL: what a vote rests on is durable before the vote leaves",
    file: "node/src/consensus/vote-rule.ts",
    find: "  storeBlock(turn, signed);\n",
    replace: "",
    test: "node/test/sim/power-cut.test.ts",
    testName: "rule JOURNAL: power cut of all nodes at any effect commits again",
  },
  {
    name: "sim-order-vote-after-timeout",
    rule: "R4: no order vote for a round that was timed out",
    file: "node/src/consensus/rounds.ts",
    find: "  if (qc.round <= safety.highestTimeoutRound) return;\n",
    replace: "",
    test: "node/test/sim/late-votes.test.ts",
    testName: "rule R4: no order vote after a timeout",
  },
  {
    name: "sim-lock-rule-off",
    rule: "R2: after a timeout only on a certificate as high as the timeouts name",
    file: "node/src/consensus/vote-rule.ts",
    find: "return qc.round >= highestHqcRound(tc);",
    replace: "return highestHqcRound(tc) >= 0;",
    test: "node/test/sim/amnesia.test.ts",
    testName: "lock rule",
  },
  {
    name: "sim-overlap-check-off",
    rule: "EPOCH: consecutive sets share more than two thirds",
    file: "node/src/consensus/hand-over.ts",
    find: "return 3n * shared > 2n * totalPower(before) && 3n * shared > 2n * totalPower(after);",
    replace: "return shared >= 0n;",
    test: "node/test/sim/hand-over.test.ts",
    testName: "rule EPOCH: a set that shares too little with the last is never followed",
  },
  {
    name: "sim-silence-from-certificates-alone",
    rule: "SILENCE: late votes and heartbeats count, certificates hold only the fastest quorum",
    file: "node/src/ledger/liveness.ts",
    find: "  for (const signed of block.signsOfLife) noteStatement(work, roll, block, signed);\n",
    replace: "",
    test: "node/test/sim/slow-member.test.ts",
    testName: "rule SILENCE: a member 150 ms slower is never silent",
  },
  {
    name: "sim-suffix-executed",
    rule: "EPOCH: what is ordered after the reconfiguring block is not executed",
    file: "node/src/consensus/execution.ts",
    find: "  if (turn.epoch.handOver !== undefined) return;\n",
    replace: "",
    test: "node/test/sim/hand-over.test.ts",
    testName:
      "rule EPOCH: what is ordered after the reconfiguring block is void and proposed again",
  },
  {
    name: "sim-void-suffix-lost",
    rule: "EPOCH: what was void is proposed again",
    file: "node/src/consensus/hand-over.ts",
    find: "    pool.set(signed.digest, { signed, stored: true, receivedAt: turn.now });\n",
    replace: "",
    test: "node/test/sim/hand-over.test.ts",
    testName:
      "rule EPOCH: what is ordered after the reconfiguring block is void and proposed again",
  },
];
