/** Work that is done a millisecond or so at a time: whoever has other work goes on in between. */
export type Steps<T> = Generator<void, T>;

/** All steps at once, for a process that has nothing else to do. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
