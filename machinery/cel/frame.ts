import { CostExceeded } from './errors.ts';
import type { Value } from './values.ts';

/** What an expression's variables are bound to; undefined for one that has no value. */
export interface Bindings {
  readonly get: (name: string) => Value | undefined;
}

/** One evaluation: its variables, and what it has cost. */
export class Frame {
  readonly bindings: Bindings;
  readonly locals: Value[] = [];
  readonly limit: number;
  cost = 0;

  constructor(bindings: Bindings, limit: number) {
    this.bindings = bindings;
    this.limit = limit;
  }

  /** Throws `CostExceeded` when it is more than there is. */
  readonly charge = (cost: number): void => {
    this.cost += cost;
    if (this.cost > this.limit) throw new CostExceeded();
  };
}

export type Step = (frame: Frame) => Value;
