/** Something that a reader asked for: whether it is under way, and what went wrong last. */
import { toProblem, type Problem } from './problem';

export class Errand {
  isBusy = $state(false);
  problem: Problem | null = $state.raw(null);

  constructor(problem: Problem | null = null) {
    this.problem = problem;
  }

  /** Does the work, and keeps what it throws as the problem to show. */
  async run(work: () => Promise<void>): Promise<void> {
    this.isBusy = true;
    this.problem = null;
    try {
      await work();
    } catch (error) {
      this.problem = toProblem(error);
    } finally {
      this.isBusy = false;
    }
  }
}
