/** What the server says of a draft while it is written. */
import { checkStudy } from '$api/studies';
import type { StudyChecked } from '$api/types';
import { LateAnswer } from '$lib/lateanswer.svelte';
import type { Problem } from '$lib/problem';

export class DraftCheck extends LateAnswer<string, StudyChecked> {
  readonly problems: readonly Problem[] = $derived(this.found?.problems ?? []);

  constructor() {
    super(checkStudy);
  }
}
