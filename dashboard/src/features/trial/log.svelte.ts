/** The log of one trial, read from its start and then followed: all of it, or the lines with a text. */
import { getLogs } from '$api/trials';
import type { LogLine } from '$api/types';
import { toProblem, type Problem } from '$lib/problem';

/** The page keeps so many lines, the newest. */
export const MAX_LINES = 5_000;
const PAGE = 500;

export class LogStore {
  lines: readonly LogLine[] = $state.raw([]);
  isCut = $state(false);
  /** Whether all that there is has been read. */
  isRead = $state(false);
  /** Only lines with this text are read; empty for all. */
  wanted = $state('');
  problem: Problem | null = $state.raw(null);
  #trialId: number | null = null;
  #cursor: string | null = null;
  #isFetching = false;
  #hasNews = false;

  /** Read what is there; calling it again reads on. */
  async follow(trialId: number): Promise<void> {
    this.#trialId = trialId;
    await this.fetchMore();
  }

  /** Begin anew with the lines that contain a text. */
  async search(wanted: string): Promise<void> {
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    this.#cursor = null;
    this.lines = [];
    this.isCut = this.isRead = false;
    await this.fetchMore();
  }

  /** Read the lines after the last one known. One request at a time: news during a request are read after it. */
  async fetchMore(): Promise<void> {
    this.#hasNews = true;
    if (this.#isFetching || this.#trialId === null) return;
    this.#isFetching = true;
    try {
      while (this.#hasNews) await this.#fetchPage(this.#trialId);
      this.problem = null;
      this.isRead = true;
    } catch (error) {
      this.problem = toProblem(error);
    } finally {
      this.#isFetching = false;
    }
  }

  async #fetchPage(trialId: number): Promise<void> {
    this.#hasNews = false;
    const wanted = this.wanted;
    const page = await getLogs(trialId, this.#cursor, PAGE, wanted);
    if (wanted !== this.wanted) {
      this.#hasNews = true; // something else is looked for by now
      return;
    }
    this.#cursor = page.nextCursor;
    this.#append(page.lines);
    if (page.lines.length === PAGE) this.#hasNews = true; // a full page: there is more
  }

  #append(lines: readonly LogLine[]): void {
    if (lines.length === 0) return;
    const all = [...this.lines, ...lines];
    this.isCut ||= all.length > MAX_LINES;
    this.lines = all.slice(-MAX_LINES);
  }
}
