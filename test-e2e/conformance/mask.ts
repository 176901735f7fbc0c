/** What differs from run to run, and what is written in its place. */
export interface Names {
  /** Machine on which the pods run. */
  readonly node: string;
}

const UID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const TIME = /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d))?/g;
const LONG_TIME =
  /\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000/g;
const VERSION = /("?resourceVersion"?: ?"?)\d+("?)/g;
const VERSION_IN_WORDS = /(Resource Version: +|resourceVersion=)\d{2,}/g;
const TOO_OLD = /(too old resource version: \d+ \()\d+(\))/g;
const ADDRESS = /\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b/g;
const GENERATED = /\b([a-z0-9-]*generated-)[a-z0-9]{5}\b/g;
/**
 * kubectl's own log line, not an answer: its time limit ends the watch and the wait at once, and
 * now and then it notices the watch first.
 */
const SHORT_WATCH = /^W\d{4} \S+ +\d+ reflector\.go:\d+\] .*: very short watch: .*\n/gm;
const SCRATCH = /\S*\/(LIVE|MERGED)-\d+/g;
/** An age as tables and descriptions have it, a word of its own. */
const AGE = /(?<=[\s(])(\d+(ms|s|m|h|d|y))+(?=[\s)]|$)/gm;

/** The same bytes for the same behaviour: identities, times, versions and addresses are masked. */
export function mask(text: string, { node }: Names): string {
  return text
    .replace(SHORT_WATCH, "")
    .replaceAll(node, "<node>")
    .replace(UID, "<uid>")
    .replace(LONG_TIME, "<time>")
    .replace(TIME, "<time>")
    .replace(VERSION, "$1<version>$2")
    .replace(VERSION_IN_WORDS, "$1<version>")
    .replace(TOO_OLD, "$1<version>$2")
    .replace(ADDRESS, "<address>")
    .replace(GENERATED, "$1<suffix>")
    .replace(SCRATCH, "<scratch>/$1");
}

/** A table's columns are as wide as their widest cell, ages among them. */
export function maskTable(text: string): string {
  return text
    .replace(AGE, "<age>")
    .replace(/[ \t]{2,}/g, "  ")
    .replace(/ +$/gm, "");
}

/** Go walks its maps in a new order each time: the causes of one refusal are sorted. */
export function sortCauses(text: string): string {
  return text.replace(
    /(^\* .*\n)+/gm,
    (causes) => `${causes.trimEnd().split("\n").toSorted().join("\n")}\n`,
  );
}
