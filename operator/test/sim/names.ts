export const NAMESPACE = "validators";
export const SET = "val";
/** The operator's own namespace. */
export const SYSTEM = "quorate-system";
export const LEASE_NAME = "quorate-operator";
