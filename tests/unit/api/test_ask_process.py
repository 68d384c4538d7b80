"""The processes for slow asks: they answer what the sampler answers here, and are replaced or ended when they must."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from api.asks.process import AskClosed, AskFailed, AskPool
from api.asks.wire import decode_answer, encode_request
from search.samplers import get_sampler
from search.space import parse_space
from search.types import PastTrial, SuggestRequest
from tests.servers.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
SPACE = {
    "rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
    "kind": {"type": "categorical", "choices": ["a", "b", None]},
}
PATIENCE_S = 120.0
DEAF = (sys.executable, "-m", "tests.servers.slow_asker")


def request(number: int = 20, n_finished: int = 20) -> SuggestRequest:
    history = [
        PastTrial(number=k, state="COMPLETE", params={"rate": 0.001 * (k + 1), "kind": "a"}, values=(1.0 / (k + 1),))
        for k in range(n_finished)
    ]
    space = parse_space(SPACE)
    return SuggestRequest(space, ("maximize",), seed=5, number=number, cell=number, history=history)


def message(number: int = 20, sampler: str = "random") -> bytes:
    return encode_request(sampler, request(number), None)


@pytest.fixture
def pool() -> Iterator[AskPool]:
    opened = AskPool()
    yield opened
    opened.close()


def test_the_answer_is_the_one_that_the_sampler_gives_here(pool: AskPool) -> None:
    answer = decode_answer(pool.ask(message(sampler="bayesian"), PATIENCE_S))
    here = get_sampler("bayesian").suggest(request())
    assert answer == [here]
    assert pool.pids() != []


def test_a_process_that_dies_is_replaced_and_its_question_asked_again(pool: AskPool) -> None:
    first = pool.ask(message(), PATIENCE_S)
    (pid,) = pool.pids()
    psutil.Process(pid).kill()
    assert pool.ask(message(), PATIENCE_S) == first
    assert pool.pids() not in ([], [pid])


def test_whoever_waits_too_long_is_told_and_the_next_question_is_answered(pool: AskPool) -> None:
    with pytest.raises(AskFailed, match=r"took longer than 0\.001 s"):
        pool.ask(message(), 0.001)
    assert decode_answer(pool.ask(message(21), PATIENCE_S)) == [get_sampler("random").suggest(request(21))]


def test_a_process_that_never_answers_is_killed_at_its_limit() -> None:
    pool = AskPool(limit_s=0.2, command=DEAF)
    with pytest.raises(AskFailed, match=r"took longer than 0\.2 s"):
        pool.ask(message(), PATIENCE_S)
    assert pool.pids() == []
    pool.close()


def test_a_process_that_dies_each_time_is_no_endless_loop() -> None:
    pool = AskPool(command=(sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(AskFailed, match="its process died"):
        pool.ask(message(), PATIENCE_S)
    pool.close()


def test_a_refusal_of_the_sampler_is_an_answer(pool: AskPool) -> None:
    broken = SuggestRequest(parse_space({}), ("maximize",), seed=5, number=3)
    answer = decode_answer(pool.ask(encode_request("bayesian", broken, None), PATIENCE_S))
    assert isinstance(answer, str)
    assert "empty" in answer


def test_two_processes_answer_two_at_once() -> None:
    pool = AskPool(n_processes=2)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda number: pool.ask(message(number), PATIENCE_S), range(20, 28)))
    assert len(set(answers)) == len(answers)
    assert len(pool.pids()) == 2
    family = [psutil.Process(pid) for pid in pool.pids()]
    pool.close()
    assert all(not process.is_running() for process in family)


def test_closing_ends_what_is_computed_and_refuses_what_comes() -> None:
    pool = AskPool(command=DEAF)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.ask, message(), PATIENCE_S)
        wait_until(pool.pids, 30, what="the process runs")
        (process,) = [psutil.Process(pid) for pid in pool.pids()]
        pool.close()
        with pytest.raises(AskClosed):
            waiting.result(30)
    assert not process.is_running()
    with pytest.raises(AskClosed):
        pool.ask(message(), PATIENCE_S)


def test_a_killed_api_leaves_no_process_behind() -> None:
    code = """
import sys
import threading
from api.asks.process import AskPool
pool = AskPool(command=(sys.executable, "-m", "tests.servers.slow_asker"))
threading.Thread(target=pool.ask, args=(b"{}\\n", 600.0), daemon=True).start()
while not pool.pids():
    pass
print(pool.pids()[0], flush=True)
threading.Event().wait(600)
"""
    api = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert api.stdout is not None
    try:
        child = psutil.Process(int(api.stdout.readline()))
        wait_until(lambda: "slow_asker" in " ".join(child.cmdline()), 30, what="the process was exec'ed")
    finally:
        api.kill()
        api.wait()
        api.stdout.close()
    wait_until(
        lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 30, what="it died with the API"
    )
