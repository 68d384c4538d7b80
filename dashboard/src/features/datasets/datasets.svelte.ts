/** All data sets, kept current by events. */
import { listDatasets } from '$api/datasets';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { Coalescer } from '$lib/coalesce';
import { Listing } from '$lib/listing.svelte';

const REFRESH_MS = 300;

export class DatasetsStore {
  readonly listing = new Listing(listDatasets);
  readonly synced = new Synced(this);
  #stale = new Coalescer<'list'>(REFRESH_MS, () => void this.synced.reload());

  load(): Promise<void> {
    return this.listing.load();
  }

  apply(event: LiveEvent): void {
    if (event.kind === 'dataset') this.#stale.add('list');
  }

  stop(): void {
    this.#stale.cancel();
  }
}
