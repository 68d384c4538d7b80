/** The address bar as reactive state. Links are ordinary links; clicks on those of this site change the view in place. */
import { matchRoute, withQuery, type Route } from './route';

class Router {
  #path = $state(window.location.pathname);
  #search = $state(window.location.search);
  readonly route: Route = $derived(matchRoute(this.#path));
  readonly query: URLSearchParams = $derived(new URLSearchParams(this.#search));

  /** Follow the address bar and take over clicks on links of this site. Returns how to stop. */
  start(): () => void {
    const onPop = (): void => this.#read();
    const onClick = (event: MouseEvent): void => this.#follow(event);
    window.addEventListener('popstate', onPop);
    document.addEventListener('click', onClick);
    return () => {
      window.removeEventListener('popstate', onPop);
      document.removeEventListener('click', onClick);
    };
  }

  /** Go to a path of this site, as a new entry of the history. */
  go(path: string): void {
    window.history.pushState(null, '', path);
    this.#read();
    window.scrollTo(0, 0);
  }

  /** Put settings of the view into the address without a new entry, so that it can be shared and reloaded. */
  setQuery(changes: Readonly<Record<string, string | null>>): void {
    window.history.replaceState(null, '', this.#path + withQuery(this.#search, changes));
    this.#read();
  }

  #read(): void {
    this.#path = window.location.pathname;
    this.#search = window.location.search;
  }

  #follow(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || !isPlainClick(event) || !isOwnPage(link)) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

/** Not a click that opens a new tab or saves, and not one that something else has handled. */
const isPlainClick = (event: MouseEvent): boolean =>
  !event.defaultPrevented && event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

const isOwnPage = (link: HTMLAnchorElement): boolean =>
  link.origin === window.location.origin && !link.target && !link.hasAttribute('download') && link.dataset.external === undefined;

export const router = new Router();
