/** A list that is fetched whole and again when told. */
import { toProblem, type Problem } from './problem';

export class Listing<T> {
  items: readonly T[] = $state.raw([]);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);

  constructor(private readonly fetchItems: () => Promise<readonly T[]>) {}

  async load(): Promise<void> {
    try {
      this.items = await this.fetchItems();
      this.isLoaded = true;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }
}
