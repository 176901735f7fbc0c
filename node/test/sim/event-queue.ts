/** A binary heap of timed events; equal times run in the order in which they were added. */
export interface EventQueue<T> {
  push(at: number, item: T): void;
  pop(): { readonly at: number; readonly item: T } | undefined;
  nextAt(): number;
}

interface Entry<T> {
  readonly at: number;
  readonly order: number;
  readonly item: T;
}

function before<T>(left: Entry<T>, right: Entry<T>): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}

export function createEventQueue<T>(): EventQueue<T> {
  const heap: Entry<T>[] = [];
  let order = 0;
  const entry = (index: number) => heap[index] as Entry<T>;
  const swap = (left: number, right: number) => {
    const held = entry(left);
    heap[left] = entry(right);
    heap[right] = held;
  };
  const siftDown = () => {
    let index = 0;
    for (;;) {
      const left = index * 2 + 1;
      const right = left + 1;
      let first = index;
      if (left < heap.length && before(entry(left), entry(first))) first = left;
      if (right < heap.length && before(entry(right), entry(first))) first = right;
      if (first === index) return;
      swap(index, first);
      index = first;
    }
  };
  return {
    push(at, item) {
      let index = heap.length;
      heap.push({ at, order, item });
      order += 1;
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (!before(entry(index), entry(parent))) return;
        swap(index, parent);
        index = parent;
      }
    },
    pop() {
      const top = heap[0];
      const last = heap.pop();
      if (top === undefined || last === undefined) return undefined;
      if (heap.length > 0) {
        heap[0] = last;
        siftDown();
      }
      return top;
    },
    nextAt: () => heap[0]?.at ?? Number.POSITIVE_INFINITY,
  };
}
