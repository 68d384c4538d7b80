/** The order of the list in the address: `best` for rising, `-best` for falling; nothing for the newest first. Pure. */
import type { StudyOrder } from '$api/studies';

export interface Ordering {
  readonly order: StudyOrder;
  readonly isDescending: boolean;
}

const ORDERS: readonly StudyOrder[] = ['created', 'name', 'state', 'owner', 'best', 'trials'];
/** What people want to see first: names from the front, all else from the top. */
const RISING: ReadonlySet<StudyOrder> = new Set<StudyOrder>(['name', 'state', 'owner']);

export function readOrder(text: string | null): Ordering {
  const name = text?.replace(/^-/, '');
  const order = ORDERS.find((one) => one === name);
  return order ? { order, isDescending: text?.startsWith('-') ?? false } : { order: 'created', isDescending: true };
}

/** What the address says after a click on the head of a column; null for the order there is without it. */
export function writeOrder(clicked: StudyOrder, now: Ordering): string | null {
  const isDescending = clicked === now.order ? !now.isDescending : !RISING.has(clicked);
  return clicked === 'created' && isDescending ? null : `${isDescending ? '-' : ''}${clicked}`;
}
