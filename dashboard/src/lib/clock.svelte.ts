/** The present moment as reactive state, for "5 minutes ago". One timer for the whole page. */
const TICK_MS = 15_000;

class Clock {
  nowMs = $state(Date.now());

  start(): () => void {
    const timer = setInterval(() => (this.nowMs = Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }
}

export const clock = new Clock();
