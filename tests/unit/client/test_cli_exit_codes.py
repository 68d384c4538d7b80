"""The command line tells by its exit code and one sentence what went wrong."""

from __future__ import annotations

import httpx
import pytest

from tests.unit.client.conftest import Runner
from tests.unit.client.fakes import FakeServer, ok, page, refusal, study_json


class TestExitCodes:
    """Each kind of failure has its code; none shows a traceback."""

    @pytest.mark.parametrize(
        ("answer", "code", "words"),
        [
            (refusal(404, "study_not_found", "there is no study x", hint="did you mean y?"), 1, "did you mean y?"),
            (refusal(500, "internal", "it broke"), 1, "it broke"),
            (httpx.ConnectError("refused"), 3, "make up"),
            (httpx.ReadTimeout(""), 3, "did not answer in time"),
            (refusal(401, "unauthorized", "a token is needed"), 4, "TUNEWELL_TOKEN"),
            (refusal(403, "forbidden", "workers may not do this"), 4, "workers may not do this"),
            (refusal(404, "x", "a\x1b[2Jb", field="f"), 1, "f: a\\x1b[2Jb"),
        ],
    )
    def test_of_failures(
        self, server: FakeServer, run: Runner, answer: httpx.Response | Exception, code: int, words: str
    ) -> None:
        server.on("GET", "/studies/x", answer)
        result = run("study", "show", "x")
        assert (result.code, result.out) == (code, "")
        assert result.err.startswith("Error: ")
        assert words in result.err
        assert "Traceback" not in result.err

    @pytest.mark.parametrize(
        "args",
        [
            ("study", "nonsense"),
            ("study", "trials", "x", "--order-by", "colour"),
            ("study", "list", "--limit", "0"),
            ("trial", "show", "digits"),
            ("trial", "show", "/4"),
            ("--server", "ftp://x", "study", "list"),
        ],
    )
    def test_of_wrong_usage(self, server: FakeServer, run: Runner, args: tuple[str, ...]) -> None:
        result = run(*args)
        assert result.code == 2
        assert "Error" in result.err
        assert server.requests == []

    def test_of_success(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/studies/x", ok(study_json()))
        result = run("study", "show", "x")
        assert (result.code, result.err) == (0, "")

    def test_of_a_failed_study(self, server: FakeServer, run: Runner) -> None:
        failed = ok(study_json(state="FAILED", state_reason="every trial failed"))
        server.on("GET", "/studies/x", failed).on("GET", "/studies/3", failed).on("GET", "/studies/3/trials", page())
        result = run("study", "watch", "x")
        assert result.code == 5
        assert "every trial failed" in result.err

    def test_of_ctrl_c_while_watching(self, server: FakeServer, run: Runner) -> None:
        def interrupt(_request: httpx.Request) -> httpx.Response:
            raise KeyboardInterrupt

        server.on("GET", "/studies/x", ok(study_json())).on("GET", "/studies/3", interrupt)
        result = run("study", "watch", "x")
        assert result.code == 130
        assert "The study goes on" in result.err
        assert "tunewell study stop x" in result.err

    def test_of_ctrl_c_elsewhere(self, server: FakeServer, run: Runner) -> None:
        def interrupt(_request: httpx.Request) -> httpx.Response:
            raise KeyboardInterrupt

        server.on("GET", "/studies/x", interrupt)
        assert run("study", "show", "x").code == 130
