const SECOND = 1;
const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;
const YEAR = 365 * DAY;

function parts(total: number, unit: number, names: [string, string], smaller: number): string {
  const whole = Math.floor(total / unit);
  const rest = Math.floor((total % unit) / smaller);
  return rest === 0 ? `${whole}${names[0]}` : `${whole}${names[0]}${rest}${names[1]}`;
}

/** As kubectl prints ages: `duration.HumanDuration` of k8s.io/apimachinery. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 2 * MINUTE) return `${seconds}s`;
  const minutes = Math.floor(seconds / MINUTE);
  if (minutes < 10) return parts(seconds, MINUTE, ["m", "s"], SECOND);
  if (minutes < 3 * 60) return `${minutes}m`;
  const hours = Math.floor(seconds / HOUR);
  if (hours < 8) return parts(seconds, HOUR, ["h", "m"], MINUTE);
  if (hours < 48) return `${hours}h`;
  if (hours < 8 * 24) return parts(seconds, DAY, ["d", "h"], HOUR);
  if (hours < 2 * 365 * 24) return `${Math.floor(hours / 24)}d`;
  if (hours < 8 * 365 * 24) return parts(seconds, YEAR, ["y", "d"], DAY);
  return `${Math.floor(seconds / YEAR)}y`;
}

/** Age of a timestamp; `<unknown>` where there is none. */
export function ageOf(time: unknown, nowMs: number): string {
  if (typeof time !== "string" || time === "") return "<unknown>";
  const at = Date.parse(time);
  return Number.isNaN(at) ? "<invalid>" : humanDuration(nowMs - at);
}
