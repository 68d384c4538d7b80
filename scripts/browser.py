"""Make sure that the dashboard's tests have a browser: `make test`."""

import subprocess
import sys

from tests.servers.browser import find_chromium, need_chromium
from tests.servers.errors import ServerUnavailableError


def main() -> int:
    """Install Playwright's Chromium where the machine has none; return 1 if that fails."""
    if find_chromium() is None:
        print("installing Chromium for the dashboard's tests")
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    try:
        need_chromium()
    except ServerUnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
