"""`python -m tests.servers.slow_asker FD PARENT`: a process for asks that dies with its parent and never answers."""

import sys
import threading

from api.asks.lifeline import die_with_parent

if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    threading.Event().wait(600)
