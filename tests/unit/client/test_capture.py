"""What a run notes by itself, and what it must not: secrets."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
import tunewell
from tunewell import Invalid
from tunewell.runs import capture, output
from tunewell.runs.secrets import HIDDEN, redact, redact_command
from tunewell.system.environment import read_environment
from tunewell.system.meters import TrafficMeter


@pytest.mark.parametrize(
    "text",
    [
        'password = "hunter2"',
        "API_KEY: hunter2",
        '"secret_token": "hunter2",',
        "--auth-token=hunter2",
        "postgresql://me:hunter2@db/x",
        "AWS_SECRET_ACCESS_KEY=hunter2",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
        'os.environ.setdefault("MY_TOKEN", "hunter2")',
        "-----BEGIN PRIVATE KEY-----\nhunter2",
    ],
)
def test_secrets_are_taken_out(text: str) -> None:
    shown = redact(f"before\n{text}")
    assert "hunter2" not in shown
    assert shown.startswith("before\n")
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "token",
    [
        f"ghp_{'a' * 36}",
        f"AKIA{'B' * 16}",
        f"sk-{'c' * 40}",
        f"tw_{'d' * 43}",
        "xoxb-1234567890-abc",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijk",
    ],
)
def test_tokens_are_known_by_their_looks(token: str) -> None:
    assert redact(f"use {token} here") == f"use {HIDDEN} here"


@pytest.mark.parametrize(
    "text", ["learning_rate = 0.1", "+    loss = model(x)", "https://example.org/a@b", "tokenizer(text)", "x: int = 3"]
)
def test_ordinary_code_stays(text: str) -> None:
    assert redact(text) == text


def test_values_behind_flags_that_speak_of_secrets_are_hidden() -> None:
    words = ["train.py", "--token", "abc", "--lr", "0.1", "--api-key=abc", "-v"]
    assert redact_command(words) == f"train.py --token {HIDDEN} --lr 0.1 --api-key={HIDDEN} -v"


def test_what_is_printed_passes_and_is_read_along(monkeypatch: pytest.MonkeyPatch) -> None:
    printed, heard = io.StringIO(), []
    monkeypatch.setattr(sys, "stdout", printed)

    def listener(line: str, stream: str) -> None:
        heard.append((stream, line))

    output.listen(listener)
    sys.stdout.write("one\ntwo ")
    sys.stdout.write("\r10 %\r20 %\nrest")
    assert sys.stdout.isatty() is False
    output.leave(listener)
    sys.stdout.write("unheard\n")
    assert heard == [("stdout", "one"), ("stdout", "20 %"), ("stdout", "rest")]
    assert printed.getvalue() == "one\ntwo \r10 %\r20 %\nrestunheard\n"
    assert sys.stdout is printed
    output.leave(listener)


def test_what_is_noted_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(capture.ENV_CAPTURE, raising=False)
    assert capture.read_kinds(None) == set(capture.KINDS)
    assert capture.read_kinds(["output"]) == {"output"}
    assert capture.read_kinds([]) == frozenset()
    monkeypatch.setenv(capture.ENV_CAPTURE, "diff, system")
    assert capture.read_kinds(None) == {"diff", "system"}
    monkeypatch.setenv(capture.ENV_CAPTURE, "none")
    assert capture.read_kinds(None) == frozenset()
    with pytest.raises(Invalid) as refused:
        tunewell.init("notes", mode="disabled", capture=["difff"])
    assert refused.value.code == "unknown_capture"


def git(folder: Path, *words: str) -> None:
    name = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    subprocess.run(["git", "-C", str(folder), *name, *words], check=True, capture_output=True)


def test_code_that_is_not_committed_is_kept_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "sub" / "train.py"
    script.parent.mkdir()
    script.write_text("rate = 1\n")
    git(tmp_path, "init", "-b", "trunk")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    monkeypatch.setattr(sys, "argv", [str(script), "--token", "abc"])
    capture.note_environment.cache_clear()
    assert capture.read_diff() is None
    script.write_text("rate = 2\npassword = 'hunter2'\n")
    content = (capture.read_diff() or b"").decode()
    assert ("+rate = 2" in content, "hunter2" in content) == (True, False)
    found = capture.note_environment()
    capture.note_environment.cache_clear()
    assert (found.branch, found.is_dirty, len(found.commit or "")) == ("trunk", True, 40)
    assert found.command is not None
    assert found.command.endswith(f"train.py --token {HIDDEN}")
    monkeypatch.setattr(capture, "MAX_DIFF_BYTES", 40)
    assert b"cut off" in (capture.read_diff() or b"")


def test_an_environment_without_psutil_still_tells_the_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    found = read_environment(tmp_path)
    assert (found.memory_bytes or 0) > 1 << 20
    assert (found.commit, found.packages["pytest"] != "") == (None, True)


def test_traffic_is_told_as_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([{"read_disk": 100}, {"read_disk": 300, "sent_network": 5}, {"read_disk": 200, "sent_network": 5}])
    times = iter([0.0, 2.0, 3.0])
    monkeypatch.setattr("tunewell.system.meters._traffic", lambda: next(counts))
    meter = TrafficMeter(lambda: next(times))
    assert meter.read() == {}
    assert meter.read() == {"read_disk": 100.0}
    assert meter.read() == {"read_disk": 0.0, "sent_network": 0.0}, "a counter that began anew is no rate"
