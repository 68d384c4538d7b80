"""Small programs in place of the API and the worker, so that the stack is tested on its own."""

from pathlib import Path

from stack.settings import StackSettings
from tests.servers.ports import free_port

API = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

print("broker", os.environ["TUNEWELL_BROKER_URL"], flush=True)
HTTPServer(("127.0.0.1", int(os.environ["TUNEWELL_PORT"])), Handler).serve_forever()
"""
WORKER = """
import os, subprocess, sys, time
orphan = [sys.executable, "-c", "import time; time.sleep(600)"]
subprocess.Popen(orphan, start_new_session=True)
print("worker", os.getpid(), *sys.argv[1:], flush=True)
time.sleep(600)
"""
BROKEN = """
import sys
sys.exit("no such table: studies")
"""


def make_settings(folder: Path, *, api: str = API, worker: str = WORKER) -> StackSettings:
    """Return settings whose packages `api` and `worker` are these scripts, and whose home does not exist yet."""
    for name, script in (("api", api), ("worker", worker)):
        package = folder / "root" / name
        package.mkdir(parents=True)
        (package / "__main__.py").write_text(script)
    home, root = folder / "home", folder / "root"
    return StackSettings(home=home, port=free_port(), broker_url="", queues="cpu", n_slots=2, root=root)
