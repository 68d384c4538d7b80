/** Whether an element is on screen, or nearly so: what is far from it need not be drawn. */
import type { Attachment } from 'svelte/attachments';

/** So far outside the screen an element counts as on it, so that it is there by the time it is scrolled to. */
const NEAR = '300px';

export class Sight {
  /** False until the browser has told; always true where it cannot tell. */
  isOn = $state(typeof IntersectionObserver === 'undefined');

  readonly watch: Attachment = (element) => {
    if (typeof IntersectionObserver === 'undefined') return;
    const observer = new IntersectionObserver((entries) => (this.isOn = entries.at(-1)?.isIntersecting ?? true), { rootMargin: NEAR });
    observer.observe(element);
    return () => observer.disconnect();
  };
}
