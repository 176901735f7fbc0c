/** How the world treats whoever asks; chances are for each request. */
export interface Weather {
  /** The API server is away. */
  away: boolean;
  tooManyRequests: number;
  serverErrors: number;
  lostBefore: number;
  lostAfter: number;
  slow: number;
  /** Somebody else writes the object a moment before: a conflict for who compares. */
  conflicts: number;
  /** For each look at a watch. */
  watchBreaks: number;
  watchLagMs: number;
  /** Watches stay open and say nothing. */
  watchesDeaf: boolean;
  evictionsRefused: number;
  chainUnreachable: boolean;
  chainExpired: boolean;
  submitsLost: number;
  controlFails: number;
  scrapeFails: number;
  prometheus: PrometheusFault | undefined;
  scrape: "nan" | "garbage" | "empty" | undefined;
  /** Both paths or one say something untrue of a member. */
  lie: Lie | undefined;
}

export type PrometheusFault = "down" | "error" | "stale" | "empty" | "nan" | "garbage" | "warning";

export interface Lie {
  readonly path: "scrape" | "prometheus" | "both";
  /** Consensus key. */
  readonly about: string;
  readonly says: "silent" | "heard" | "equivocates" | "wrong-root" | "height";
}

export function calm(): Weather {
  return {
    away: false,
    tooManyRequests: 0,
    serverErrors: 0,
    lostBefore: 0,
    lostAfter: 0,
    slow: 0,
    conflicts: 0,
    watchBreaks: 0,
    watchLagMs: 0,
    watchesDeaf: false,
    evictionsRefused: 0,
    chainUnreachable: false,
    chainExpired: false,
    submitsLost: 0,
    controlFails: 0,
    scrapeFails: 0,
    prometheus: undefined,
    scrape: undefined,
    lie: undefined,
  };
}
