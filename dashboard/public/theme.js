// Runs before the first paint, so that no theme flashes; a file of its own because of the content-security policy.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem('tunewell.theme');
  } catch {
    // Storage is closed to this page: the system's theme holds.
  }
  const isDark = window.matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = chosen === 'dark' || chosen === 'light' ? chosen : isDark ? 'dark' : 'light';
})();
