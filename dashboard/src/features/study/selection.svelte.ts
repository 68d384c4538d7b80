/** Which trials the reader has chosen or points at, on one study's page: panels show it, and any of them may set it. */
import { router } from '$lib/router.svelte';
import { readChosen, writeChosen } from './chosen';

export class Selection {
  /** Number of the trial that the reader points at. */
  hovered: number | null = $state(null);
  /** Numbers of the chosen trials; null while no choice is made, an empty set where it takes none. */
  chosen: ReadonlySet<number> | null = $state.raw(readChosen(router.query.get('chosen')));
  /** Which panel made the choice; null where the address did. A panel that sees another one there drops its own. */
  by: string | null = $state(null);

  /**
   * Choose trials.
   *
   * @param numbers Trial numbers.
   * @param by Name of the panel.
   * @param isInAddress Whether the panel itself puts the choice into the address, such as a brush as its ranges.
   */
  choose(numbers: Iterable<number>, by: string, isInAddress = false): void {
    this.chosen = new Set(numbers);
    this.by = by;
    this.#write(isInAddress ? null : writeChosen(this.chosen));
  }

  /** Take the choice back. */
  clear(): void {
    this.chosen = null;
    this.by = null;
    this.#write(null);
  }

  /** Whether a trial is shown in full: it is chosen, or nothing is. */
  has(number: number): boolean {
    return this.chosen === null || this.chosen.has(number);
  }

  #write(text: string | null): void {
    if (router.query.get('chosen') !== text) router.setQuery({ chosen: text });
  }
}
