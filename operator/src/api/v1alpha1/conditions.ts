// The closed lists of what conditions, members, decisions and events say; docs/conditions.md has
// the meaning of each and what to do.

export const CONDITION_TYPES = [
  "Ready",
  "Reconciling",
  "Stalled",
  "SignalsTrusted",
  "QuorumSafe",
  "RotationInProgress",
  "Held",
  "MarginCalm",
] as const;

/** Why the signals are trusted or not (rule S9). */
export const TRUST_REASONS = [
  "SignalsAgree",
  "NotBorn",
  "ChainNotVerified",
  "PrometheusUnreachable",
  "PrometheusEmpty",
  "PrometheusStale",
  "PrometheusMalformed",
  "ScrapeFailed",
  "ScrapeEmpty",
  "ScrapeMalformed",
  "TooFewObservers",
  "ContradictsChain",
] as const;
export type TrustReason = (typeof TRUST_REASONS)[number];

/** Refusals that hold everything. */
export const HOLD_REASONS = [
  "Paused",
  "LeaseStale",
  "CheckpointExpired",
  "ChainUnreachable",
  "Partitioned",
  "ChainHalted",
] as const;

/** Refusals of one member's rotation. */
export const REFUSAL_REASONS = [
  "NoCause",
  "NoProof",
  "Suspected",
  "NotAMember",
  "SetChanged",
  "NotTheOwner",
  "AlreadyCondemned",
  "RotationInFlight",
  "NoFitSpare",
  "CorrelatedFailure",
  "FaultBudgetSpent",
  "InMaintenance",
  "CoolDown",
  "OperatorCoolDown",
  "DailyBudgetSpent",
  "BackOff",
  "ObserveMode",
  "AwaitingApproval",
  "PlanChanged",
  "ApprovalExpired",
  "NotSent",
] as const;
export type RefusalReason =
  | TrustReason
  | (typeof HOLD_REASONS)[number]
  | (typeof REFUSAL_REASONS)[number];

/** What the other conditions say beside the reasons above. */
export const STATE_REASONS = [
  "AllInPlace",
  "MembersNotReady",
  "Birth",
  "RotationUnderWay",
  "Applying",
  "SpareMissing",
  "Upgrading",
  "UpgradeHalted",
  "UpToDate",
  "Progressing",
  "DomainsHoldAtMostF",
  "DomainAboveF",
  "NoRotation",
  "RotationPlanned",
  "RotationSubmitted",
  "RotationEffective",
  "NothingHeld",
  "NothingLiquidated",
  "AccountsLiquidated",
  "Blind",
  "ForeignGenesis",
  "GenesisMalformed",
  "GenesisMismatch",
  "GenesisMissing",
  "AwaitingEndorsement",
  "ForeignPod",
  "KeyDiffers",
  "SpareRefused",
  "SpareUnanswered",
  "SponsorKeyMismatch",
  "SponsorSecretInvalid",
  "SponsorSecretMissing",
  "TemplateInvalid",
  "TemplateMissing",
  "ForeignObject",
  "MachineNotReady",
  "MachineMissing",
  "KeyStillHeard",
  "MaintenanceUnknown",
  "MaintenanceAboveF",
  "AwaitingWord",
  "Stopping",
  "EvictionRefused",
  "StopOverdue",
  "ApiForbidden",
  "ApiRefused",
  "PassFailed",
] as const;

/** Events that are no condition's reason. */
export const EVENT_REASONS = [
  "FounderNeeded",
  "SpareNeeded",
  "SpareRegistered",
  "GenesisCreated",
  "RotationReplaced",
  "RotationRefused",
  "RotationExpired",
  "Rotated",
  "ScaledDown",
  "PodFailed",
  "MaintenanceBegun",
  "MaintenanceEnded",
  "MaintenanceExpired",
  "Upgraded",
] as const;
