"""Jobs: done in a process of their own, once, within a limit, and never outliving the server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from api.errors import Unavailable
from api.jobs import Job, JobPool
from tests.servers.processes import is_alive
from tests.servers.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
HERE = "tests.unit.api.job_targets"
LONG_S = 60.0  # a machine under load starts a process slowly


@pytest.fixture
def pool() -> Iterator[JobPool]:
    pool = JobPool(limit_s=LONG_S)
    yield pool
    pool.close()


def ended(pool: JobPool, key: str) -> Job:
    """Return a job when it has ended."""
    job = pool.wait(key, LONG_S)
    assert job is not None
    assert job.is_ended
    return job


def hanging(pool: JobPool, key: str) -> int:
    """Return the process in which a job that never ends runs."""
    wait_until(lambda: (job := pool.find(key)) is not None and job.n_done > 0, LONG_S, what="the job runs")
    job = pool.find(key)
    assert job is not None
    assert job.state == "RUNNING"
    return job.n_done


def test_a_job_is_done_elsewhere(pool: JobPool) -> None:
    assert pool.find("a") is None
    assert pool.submit("a", 1, f"{HERE}:double", 21).state == "WAITING"
    job = ended(pool, "a")
    assert (job.state, job.n_done, job.n_total) == ("COMPLETE", 2, 2)
    answer, pid = job.result
    assert answer == 42
    assert pid != os.getpid()
    assert not psutil.pid_exists(pid)


def test_the_same_is_done_once_and_another_version_again(pool: JobPool) -> None:
    pool.submit("a", 1, f"{HERE}:double", 1)
    first = ended(pool, "a")
    assert pool.submit("a", 1, f"{HERE}:double", 1) == first
    assert pool.submit("a", 2, f"{HERE}:double", 3).state == "WAITING"
    assert ended(pool, "a").result[0] == 6


def test_a_failure_says_why_and_may_be_tried_again(pool: JobPool) -> None:
    pool.submit("a", 1, f"{HERE}:fail", "no such luck")
    assert ended(pool, "a").reason == "ValueError: no such luck"
    pool.submit("b", 1, f"{HERE}:die", 3)
    assert (ended(pool, "b").state, ended(pool, "b").reason) == ("FAIL", "its process ended without an answer")
    pool.submit("c", 1, f"{HERE}:no_such_function", 3)
    assert "no_such_function" in ended(pool, "c").reason
    pool.submit("d", 1, f"{HERE}:double", lambda: None)
    assert ended(pool, "d").reason.startswith("it could not be started")
    pool.submit("a", 1, f"{HERE}:double", 4)
    assert ended(pool, "a").result[0] == 8


def test_what_takes_too_long_is_killed() -> None:
    pool = JobPool(limit_s=4.0)
    pool.submit("a", 1, f"{HERE}:hang", None)
    job = ended(pool, "a")
    assert (job.state, job.reason) == ("FAIL", "it took more than 4 s")
    assert not (job.n_done and psutil.pid_exists(job.n_done))
    pool.submit("b", 1, f"{HERE}:double", 4)
    assert ended(pool, "b").is_ended
    pool.close()


def test_a_newer_version_takes_the_place_of_one_that_waits() -> None:
    pool = JobPool(limit_s=LONG_S, max_waiting=2)
    pool.submit("busy", 1, f"{HERE}:hang", None)
    hanging(pool, "busy")
    for version in (1, 2, 3):
        pool.submit("a", version, f"{HERE}:double", version)
    pool.submit("b", 1, f"{HERE}:double", 1)
    with pytest.raises(Unavailable) as caught:
        pool.submit("c", 1, f"{HERE}:double", 1)
    assert caught.value.code == "jobs_busy"
    pool.close()


def test_closing_kills_what_runs_and_refuses_more(pool: JobPool) -> None:
    pool.submit("a", 1, f"{HERE}:hang", None)
    pid = hanging(pool, "a")
    pool.close()
    assert not psutil.pid_exists(pid)
    assert ended(pool, "a").reason == "the server was stopped"
    with pytest.raises(Unavailable) as caught:
        pool.submit("b", 1, f"{HERE}:double", 1)
    assert caught.value.code == "jobs_closed"


def test_only_the_newest_results_are_kept() -> None:
    pool = JobPool(limit_s=LONG_S, max_kept=1)
    for key in ("a", "b"):
        pool.submit(key, 1, f"{HERE}:double", 1)
        ended(pool, key)
    assert pool.find("a") is None
    assert pool.find("b") is not None
    pool.close()


def test_a_job_does_not_outlive_a_killed_server() -> None:
    script = (
        "import sys, time\n"
        "from api.jobs import JobPool\n"
        "pool = JobPool()\n"
        f"pool.submit('a', 1, '{HERE}:hang', None)\n"
        "while not pool.find('a').n_done: time.sleep(0.02)\n"
        "sys.stdout.write(str(pool.find('a').n_done) + '\\n'); sys.stdout.flush(); sys.stdin.read()\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        job = psutil.Process(pid)
        assert is_alive(job)
        server.kill()
        wait_until(lambda: not is_alive(job), LONG_S, what="the job ends with its server")
