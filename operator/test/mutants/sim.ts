const test = "operator/test/sim/rules.test.ts";

/** Rules whose loss the whole operator shows in its simulator. */
export const simMutants = [
  {
    name: "operator-sim-acts-on-copies",
    rule: "S19: what is acted on is read from the API server, a watch may be late",
    file: "operator/src/reconcile/decide-afresh.ts",
    find: "  if (first.decision.plan === undefined) return first;\n",
    replace: "  if (first.observed === observed) return first;\n",
    test,
    testName: "no act while paused, though no watch tells of it",
  },
  {
    name: "operator-sim-observe-acts",
    rule: "S19: Observe acts on nothing",
    file: "operator/src/decide/guards.ts",
    find: 'if (input.observation.set.spec.mode !== "Observe") return undefined;',
    replace: "if (input.observation.set.spec.mode !== undefined) return undefined;",
    test,
    testName: "no act in Observe",
  },
  {
    name: "operator-sim-unapproved-acts",
    rule: "S19: Approve waits for a person",
    file: "operator/src/decide/approval.ts",
    find: "status.planHash === hash && named === hash",
    replace: "status.planHash === hash",
    test,
    testName: "no act unapproved",
  },
  {
    name: "operator-sim-farewell-takes-volumes",
    rule: "Retain: volumes, keys and genesis outlive the set",
    file: "operator/src/apply/finalize.ts",
    find: "if (keysMayDie(set)) {",
    replace: "if (!keysMayDie(set)) {",
    test,
    testName: "volumes and genesis survive a set that is made again",
  },
  {
    name: "operator-sim-keys-die-unsaid",
    rule: "keys die only by an explicit word",
    file: "operator/src/decide/keys-die.ts",
    find: "return metadata.annotations?.[ANNOTATIONS.destroyKeys] === metadata.uid;",
    replace: "return true;",
    test,
    testName: "keys die only by an explicit word: a set deleted without it waits",
  },
];
