/** Dark or light: the system's choice until the reader makes one, which this browser then remembers. */
export type Theme = 'light' | 'dark';

const KEY = 'tunewell.theme';

class ThemeChoice {
  current = $state<Theme>('light');

  /** Take what `theme.js` put on the page before the first paint, then follow the system. Returns how to stop. */
  start(): () => void {
    this.current = document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light';
    const media = window.matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => {
      if (!hasChosen()) this.#show(media.matches ? 'dark' : 'light');
    };
    media.addEventListener('change', follow);
    return () => media.removeEventListener('change', follow);
  }

  toggle(): void {
    this.#show(this.current === 'dark' ? 'light' : 'dark');
    try {
      localStorage.setItem(KEY, this.current);
    } catch {
      // Storage is closed to this page: the choice lasts until it is left.
    }
  }

  #show(theme: Theme): void {
    this.current = theme;
    document.documentElement.dataset.theme = theme;
  }
}

function hasChosen(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}

export const theme = new ThemeChoice();
