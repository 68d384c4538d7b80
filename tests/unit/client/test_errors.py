"""Every failure of HTTP becomes one error that says what is wrong and what to do."""

from __future__ import annotations

import httpx
import pytest
from tunewell import (
    Client,
    Conflict,
    Forbidden,
    Invalid,
    LeaseLost,
    NotFound,
    ServerBusy,
    ServerFailure,
    ServerUnreachable,
    TunewellError,
    Unauthorized,
)
from tunewell.retry import decide_retry

from tests.unit.client.fakes import SERVER, FakeServer, ok, refusal, study_json


def client_of(server: FakeServer, token: str | None = None) -> Client:
    return Client(SERVER, token, transport=server)


def error_of(answer: httpx.Response | Exception, token: str | None = None) -> TunewellError:
    server = FakeServer().on("GET", "/studies/x", answer)
    with client_of(server, token) as client, pytest.raises(TunewellError) as caught:
        client.get_study("x")
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "unauthorized", Unauthorized),
        (403, "forbidden", Forbidden),
        (404, "study_not_found", NotFound),
        (409, "name_taken", Conflict),
        (409, "lease_lost", LeaseLost),
        (413, "body_too_large", Invalid),
        (422, "space_bounds", Invalid),
        (429, "too_many_requests", ServerBusy),
        (500, "internal", ServerFailure),
        (503, "busy", ServerBusy),
    ],
)
def test_a_status_becomes_its_error(status: int, code: str, kind: type[TunewellError]) -> None:
    error = error_of(refusal(status, code, "words", field="a.b", hint="do this"))
    assert type(error) is kind
    assert (error.code, error.message, error.field, error.hint, error.status) == (
        code,
        "words",
        "a.b",
        "do this",
        status,
    )
    assert str(error) == "a.b: words (do this)"


def test_a_good_answer_is_no_error() -> None:
    with client_of(FakeServer().on("GET", "/studies/x", ok(study_json()))) as client:
        assert client.get_study("x").name == "digits-mlp"


@pytest.mark.parametrize(("token", "advice"), [(None, "set TUNEWELL_TOKEN"), ("secret", "does not know this token")])
def test_a_401_says_whether_a_token_was_sent(monkeypatch: pytest.MonkeyPatch, token: str | None, advice: str) -> None:
    monkeypatch.delenv("TUNEWELL_TOKEN", raising=False)
    error = error_of(refusal(401, "unauthorized", "a token is needed"), token)
    assert error.code == "unauthorized"
    assert advice in (error.hint or "")


def test_nobody_listening_names_the_address_and_how_to_start() -> None:
    error = error_of(httpx.ConnectError("[Errno 111] Connection refused"))
    assert isinstance(error, ServerUnreachable)
    assert error.code == "server_unreachable"
    assert SERVER in error.message
    assert "make up" in (error.hint or "")
    assert isinstance(error.__cause__, httpx.ConnectError)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (httpx.ReadTimeout(""), "timeout"),
        (httpx.ConnectTimeout(""), "server_unreachable"),
        (httpx.RemoteProtocolError("peer closed"), "connection_lost"),
        (httpx.ReadError(""), "connection_lost"),
    ],
)
def test_a_broken_connection_is_unreachable(failure: Exception, code: str) -> None:
    error = error_of(failure)
    assert isinstance(error, ServerUnreachable)
    assert error.code == code


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (httpx.Response(200, text="<html>"), ServerFailure, "bad_answer"),
        (httpx.Response(200, json=[1]), ServerFailure, "bad_answer"),
        (httpx.Response(404, text="<html>"), NotFound, "http_404"),
        (httpx.Response(302, headers={"Location": "https://elsewhere.test"}), ServerFailure, "http_302"),
        (httpx.Response(502, text="bad gateway"), ServerBusy, "http_502"),
    ],
)
def test_another_program_at_the_address_is_recognised(
    answer: httpx.Response, kind: type[TunewellError], code: str
) -> None:
    error = error_of(answer)
    assert type(error) is kind
    assert error.code == code


@pytest.mark.parametrize(
    "address", ["", "ftp://a", "localhost:8000", "http://", "http://u:p@h", "http://h?x=1", "http://h:x"]
)
def test_a_bad_address_is_refused_and_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("TUNEWELL_SERVER", "not an address")
    with pytest.raises(Invalid) as caught:
        Client(address)
    assert caught.value.code == "server_address"


@pytest.mark.parametrize("address", ["http://h:1", "http://h:1/", "http://h:1/api/v1", "http://h:1/api/v1/"])
def test_a_good_address_may_have_a_tail(address: str) -> None:
    with Client(address) as client:
        assert client.server == "http://h:1"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEWELL_SERVER", "http://env.test:9")
    monkeypatch.setenv("TUNEWELL_TOKEN", "from-env")
    server = FakeServer().on("GET", "/workers", ok({"items": []}))
    with Client(transport=server) as client:
        assert client.list_workers() == ()
    assert str(server.requests[0].url) == "http://env.test:9/api/v1/workers"
    assert server.requests[0].headers["Authorization"] == "Bearer from-env"


@pytest.mark.parametrize("token", ["a b", "a\nX-Evil: 1", "tök"])
def test_a_token_that_cannot_be_a_header_is_refused(token: str) -> None:
    with pytest.raises(Invalid) as caught:
        Client(SERVER, token)
    assert caught.value.code == "bad_token"
    assert token not in str(caught.value)


def test_what_json_cannot_carry_is_refused_before_it_is_sent() -> None:
    server = FakeServer().on("POST", "/studies", ok(study_json(), 201))
    with client_of(server) as client:
        for wrong in (float("nan"), {1, 2}):
            with pytest.raises(Invalid) as caught:
                client.create_study({"name": "x", "fixed": wrong})
            assert caught.value.code == "not_json"
        assert client.create_study({"name": "x", "fixed": {}}).study_id == 3
    assert len(server.requests) == 1


@pytest.mark.parametrize("ref", ["", ".", ".."])
def test_a_study_that_would_lead_elsewhere_is_refused(ref: str) -> None:
    with client_of(FakeServer()) as client, pytest.raises(Invalid) as caught:
        client.delete_study(ref)
    assert caught.value.code == "study_ref"


def test_a_name_is_one_part_of_the_path() -> None:
    server = FakeServer().on("GET", "/studies/a%2F..%2Fb%3Fc", ok(study_json()))
    with client_of(server) as client:
        assert client.get_study("a/../b?c").study_id == 3


class TestRetry:
    """Only what may pass is worth another try."""

    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_a_busy_server_is_asked_again(self, status: int) -> None:
        retry = decide_retry(error_of(refusal(status, "busy", "busy")), 1, jitter=0.0)
        assert retry is not None
        assert retry.delay_s == 0.1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
    def test_a_refusal_is_final(self, status: int) -> None:
        assert decide_retry(error_of(refusal(status, "no", "no")), 1, jitter=0.0) is None

    def test_a_broken_connection_is_tried_again(self) -> None:
        assert decide_retry(error_of(httpx.ConnectError("refused")), 1, jitter=0.0) is not None

    def test_pauses_grow_to_a_limit_and_spread(self) -> None:
        error = error_of(httpx.ConnectError("refused"))
        delays = [retry.delay_s for n in range(1, 40) if (retry := decide_retry(error, n, jitter=0.999))]
        assert delays == sorted(delays)
        assert delays[0] < 0.2
        assert 14.0 < delays[-1] <= 15.0
        low = decide_retry(error, 39, jitter=0.0)
        assert low is not None
        assert low.delay_s == 7.5

    def test_the_server_may_ask_for_more_time(self) -> None:
        answer = refusal(503, "busy", "busy")
        answer.headers["Retry-After"] = "7"
        retry = decide_retry(error_of(answer), 1, jitter=0.0)
        assert retry is not None
        assert retry.delay_s == 7.0
