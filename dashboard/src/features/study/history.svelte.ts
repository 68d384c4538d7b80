/** The history that is shown until all trials are here. Of 50,000 these take a second to read, and it a tenth of that. */
import { getHistory, type TrialHistory } from '$api/history';

export class FirstHistory {
  shown: TrialHistory | null = $state.raw(null);
  /** Whether it has come, or will not. */
  isOver = $state(false);

  /** `metric`: the objective; null for the first. Effects: reads it at once. */
  constructor(study: string, metric: string | null) {
    void this.#read(study, metric);
  }

  /** What fails here is said where all trials are read: the page shows each problem once. */
  async #read(study: string, metric: string | null): Promise<void> {
    try {
      this.shown = await getHistory(study, metric);
    } catch {
      this.shown = null;
    } finally {
      this.isOver = true;
    }
  }
}
