/** A Quint model, and what `npm run spec` asks of it. */
export interface Model {
  readonly file: string;
  readonly main: string;
  readonly steps: number;
  readonly traceSteps: number;
  /** Of the committed traces; the seed makes them the same every time. */
  readonly traces: number;
  readonly seed: string;
  /** Variables that the invariants need and the traces do not. */
  readonly ghosts: readonly string[];
  /** Each is seen in some run: the model gets that far, and its invariants say something. */
  readonly reachable: readonly string[];
  readonly mutants: readonly ModelMutant[];
}

/** A rule taken out of the model: some run breaks the invariant. */
export interface ModelMutant {
  readonly name: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly breaks: string;
}

const HAND_OVER: Model = {
  file: "node/spec/quint/hand-over.qnt",
  main: "handOver",
  steps: 100,
  traceSteps: 60,
  traces: 5,
  seed: "0x7",
  ghosts: [],
  reachable: ["thirdEpoch", "fourthEpoch"],
  mutants: [
    {
      name: "EPOCH: a node goes over without a quorum's attestations",
      find: ".size() >= QUORUM,\n  }\n\n  action goOver",
      replace: ".size() >= 1,\n  }\n\n  action goOver",
      breaks: "handOversAreCertified",
    },
    {
      name: "RETURN: who left comes back",
      find: "    not(gone.contains(newcomer)),\n",
      replace: "",
      breaks: "whoLeftStaysOut",
    },
    {
      name: "SWAP: the newcomer is added before the leaver goes",
      find: "sets.get(epoch).exclude(Set(leaver)).union(Set(newcomer))",
      replace: "sets.get(epoch).union(Set(newcomer))",
      breaks: "seatsAreConstant",
    },
  ],
};

const SWAPS: Model = {
  file: "node/spec/quint/swaps.qnt",
  main: "swaps",
  steps: 80,
  traceSteps: 80,
  traces: 6,
  seed: "0x7",
  ghosts: ["g"],
  reachable: [
    "swapBySilence",
    "swapByMisconduct",
    "swapByOwner",
    "muteBySilence",
    "muteByMisconduct",
    "unmuteByVotes",
    "condemnedLeavesBySilence",
    "newcomersHoldF",
    "turnedAway",
    "returnedSits",
    "strangerSits",
    "waitsForApproval",
  ],
  mutants: [
    {
      name: "RATE: newcomers of the span are not bounded",
      find: "        recentNewcomers(st, leaver) + 1 <= F,\n",
      replace: "",
      breaks: "newcomersHoldAtMostF",
    },
    {
      name: "RATE: an unendorsed newcomer's exchange ends its span",
      find: "endorsed: isEndorsed and old.endorsed,",
      replace: "endorsed: isEndorsed,",
      breaks: "endorsedHoldQuorum",
    },
    {
      name: "RATE: another owner's endorsement counts",
      find: "    st.spares.get(spare).owner == st.seats.get(leaver).owner,\n    or {",
      replace: "    or {",
      breaks: "newcomersHoldAtMostF",
    },
    {
      name: "RATE: silence needs no cool-down",
      find: "not(isSilent(st, key)) or coolDown(st)) st",
      replace: "not(isSilent(st, key))) st",
      breaks: "silenceCoolsDown",
    },
    {
      name: "RATE: a second proof waits for nobody",
      find: "    not(st.condemned.get(key).mustWait),\n",
      replace: "    true,\n",
      breaks: "secondProofWaits",
    },
    {
      name: "RATE: two swaps in one block",
      find: "    if (isOver(st) or newcomer == -1) st else {",
      replace: "    if (newcomer == -1) st else {",
      breaks: "oneSwapAtATime",
    },
    {
      name: "SEAT: no bound for one owner",
      find: "    not(wouldHoldThird(st, leaver, st.spares.get(spare).owner)),\n    or {",
      replace: "    or {",
      breaks: "noOwnerHoldsAThird",
    },
    {
      name: "PICK: an owner's rotation takes anyone's spare",
      find: 'or { cause != "owner", ',
      replace: "or { true, ",
      breaks: "ownersKeepTheirSeats",
    },
    {
      name: "CAUSE: whoever says so is silent",
      find: "bool = st.height - st.seats.get(key).voted >= WINDOW",
      replace: "bool = true",
      breaks: "noEvictionWithoutCause",
    },
    {
      name: "SWAP: more than f are muted",
      find: "seat.muted or muted + 1 > F)",
      replace: "seat.muted)",
      breaks: "mutedAtMostF",
    },
    {
      name: "RETURN: a condemned key that falls silent is jailed, and returns",
      find: 'cause == "silence" and not(isCondemned)',
      replace: 'cause == "silence"',
      breaks: "whoLeftStaysOut",
    },
    {
      name: "RETURN: a key is registered again",
      find: "if (st.known.contains(key)) st else {",
      replace: "if (st.seats.keys().contains(key) or st.spares.keys().contains(key)) st else {",
      breaks: "whoLeftStaysOut",
    },
  ],
};

export const MODELS: readonly Model[] = [HAND_OVER, SWAPS];
