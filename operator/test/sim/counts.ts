/** How often each thing happened, over one run or over many. */
export class Counts {
  readonly values = new Map<string, number>();

  add(name: string, amount = 1): void {
    this.values.set(name, (this.values.get(name) ?? 0) + amount);
  }

  addAll(other: Iterable<readonly [string, number]>): void {
    for (const [name, amount] of other) this.add(name, amount);
  }

  get(name: string): number {
    return this.values.get(name) ?? 0;
  }
}
