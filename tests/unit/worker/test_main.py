"""`python -m worker` as people start it, and how it says what is wrong."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.servers.ports import free_port
from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.timeout(60)


class _Refuse(BaseHTTPRequestHandler):
    """Knows no token."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"error": {"code": "unauthorized", "message": "this token is unknown", "field": null, "hint": null}}'
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """Return the address of a server that knows no token."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refuse) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def start(processes: ProcessFamily, home: Path, *args: str) -> ServiceProcess:
    """Start `python -m worker`."""
    return processes.start_module("worker", *args, env={"TUNEWELL_HOME": str(home)})


def one_sentence(process: ServiceProcess) -> str:
    """Require that the process ends with code 1 after saying one sentence, and return that."""
    assert process.wait(30) == 1, process.log_text()
    lines = process.log_text().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_help_names_every_option(processes: ProcessFamily, tmp_path: Path) -> None:
    process = start(processes, tmp_path, "--help")
    assert process.wait(30) == 0
    named = ("--server", "--token", "--queues", "--slots", "--name", "--home", "--device", "--precision", "--gpus")
    for option in (*named, "TUNEWELL_TOKEN", "TUNEWELL_WORKER_DEVICE"):
        assert option in process.log_text()


@pytest.mark.parametrize(("option", "value"), [("--device", "gpu"), ("--device", "cuda:one"), ("--precision", "fp16")])
def test_what_is_no_device_or_precision_is_refused(
    processes: ProcessFamily, tmp_path: Path, option: str, value: str
) -> None:
    process = start(processes, tmp_path, option, value)
    assert process.wait(30) == 2
    assert repr(value) in process.log_text()
    assert "accepted: " in process.log_text()


def test_a_wrong_token_is_refused_in_one_sentence(processes: ProcessFamily, refusing: str, tmp_path: Path) -> None:
    sound = ("--device", "cuda:1", "--precision", "bf16")  # no GPU is looked for before a trial needs one
    said = one_sentence(start(processes, tmp_path, "--server", refusing, "--token", "wrong", *sound))
    assert said.startswith(f"cannot join {refusing}: ")
    assert "token" in said


@pytest.mark.parametrize("address", ["trainer:8000", "ftp://trainer", "http://"])
def test_what_is_no_address_is_refused_in_one_sentence(processes: ProcessFamily, tmp_path: Path, address: str) -> None:
    said = one_sentence(start(processes, tmp_path, "--server", address))
    assert repr(address) in said
    assert "http://127.0.0.1:8000" in said


def test_a_home_that_is_a_file_is_refused_in_one_sentence(processes: ProcessFamily, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = one_sentence(start(processes, tmp_path / "file"))
    assert said.startswith("cannot use the state folder")


@pytest.mark.parametrize(
    "args",
    [
        ("--queues", " , "),
        ("--slots", "-1"),
        ("--slots", "many"),
        ("--gpus", "GPU-of-another-machine"),
        ("--queues", "gpu", "--simulate-gpu", "8GiB", "--cpu-slots", "1"),
    ],
)
def test_what_is_no_option_is_refused(processes: ProcessFamily, tmp_path: Path, args: tuple[str, ...]) -> None:
    process = start(processes, tmp_path, *args)
    assert process.wait(30) == 2
    assert args[0] in process.log_text()
    assert "Traceback" not in process.log_text()


def test_without_a_server_it_keeps_trying_until_it_is_told_to_end(processes: ProcessFamily, tmp_path: Path) -> None:
    process = start(processes, tmp_path, "--server", f"http://127.0.0.1:{free_port()}")
    wait_until(lambda: process.log_text().count("trying again") >= 2, 20, what="it tries again and again")
    process.send(signal.SIGTERM)
    assert process.wait(3) == -signal.SIGTERM
    assert "Traceback" not in process.log_text()
