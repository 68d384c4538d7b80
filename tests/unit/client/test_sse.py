"""Server-sent events: the parser alone, and the stream that survives cuts."""

from __future__ import annotations

import itertools

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tunewell import Event, NotFound, ServerFailure, ServerUnreachable, _sse
from tunewell._pacing import Pacing
from tunewell._sse import Message, SseParser
from tunewell._transport import Transport
from tunewell.events import EventStream

from tests.unit.client.fakes import SERVER, FakeServer, message, refusal, stream

TEXT = (
    "id: 7\r\nevent: trial\r\ndata: ä1\r\ndata:2\r\n\r\n"
    ": keep-alive\n\ndata: x\ndata\nretry: 5\nunknown: 1\r\rdata:  two\n\n"
)
EXPECTED = [Message("trial", "ä1\n2", "7"), Message("message", "x\n", "7"), Message("message", " two", "7")]


def parse(*pieces: bytes) -> list[Message]:
    parser = SseParser()
    return [found for piece in pieces for found in parser.feed(piece)]


def test_lines_of_every_ending_comments_and_many_data_lines() -> None:
    assert parse(TEXT.encode()) == EXPECTED


@given(st.lists(st.integers(0, len(TEXT.encode())), max_size=30))
def test_the_cut_between_pieces_does_not_matter(cuts: list[int]) -> None:
    content = TEXT.encode()
    edges = [0, *sorted(cuts), len(content)]
    assert parse(*(content[a:b] for a, b in itertools.pairwise(edges))) == EXPECTED


def test_one_byte_at_a_time() -> None:
    assert parse(*(bytes([byte]) for byte in TEXT.encode())) == EXPECTED


def test_a_byte_order_mark_is_skipped_and_an_unfinished_message_is_kept_back() -> None:
    assert parse(b"\xef\xbb\xbfdata: a\n\ndata: b\n") == [Message("message", "a", None)]


def test_an_id_with_a_null_is_ignored() -> None:
    assert parse(b"id: a\0b\ndata: 1\n\n") == [Message("message", "1", None)]


def test_an_endless_message_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sse, "MAX_MESSAGE_CHARS", 10)
    assert parse(b"data: 12345\n\n", b"data: 12345\n\n") == [Message("message", "12345", None)] * 2
    for endless in ([b"data: 123456", b"789"], [b"data: 1234567\n", b"data: 123\n"]):
        with pytest.raises(ServerFailure) as caught:
            parse(*endless)
        assert caught.value.code == "bad_answer"


class Clock:
    """Time that passes only by pauses."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Pass time."""
        self.pauses.append(seconds)
        self.now_s += seconds

    def pacing(self) -> Pacing:
        """Return the clock as an argument."""
        return Pacing(now=lambda: self.now_s, sleep=self.sleep, jitter=lambda: 0.5)


def take(server: FakeServer, n: int, clock: Clock | None = None, last_event_id: str | None = None) -> list[Event]:
    source = EventStream(Transport(SERVER, transport=server), 3, last_event_id, pacing=(clock or Clock()).pacing())
    found: list[Event] = []
    for event in source:
        found.append(event)
        if len(found) == n:
            source.close()
    return found


def test_events_come_with_their_ids() -> None:
    server = FakeServer().on(
        "GET", "/events", stream(message("hello", 4, {"cursor": 4}), message("trial", 5, {"n": 1}))
    )
    assert take(server, 2) == [Event("hello", {"cursor": 4}, "4"), Event("trial", {"n": 1}, "5")]
    assert server.requests[0].url.params["study"] == "3"
    assert "Last-Event-ID" not in server.requests[0].headers


def test_a_cut_stream_continues_behind_the_last_event() -> None:
    server = FakeServer().on(
        "GET",
        "/events",
        stream(message("hello", 4, {}), message("trial", 5, {"n": 1}), httpx.ReadError("cut")),
        httpx.ConnectError("refused"),
        stream(message("hello", 9, {}), httpx.ReadTimeout("silence")),
        stream(message("hello", 9, {}), message("trial", 6, {"n": 2}), message("trial", 9, {"n": 3})),
    )
    kinds = [(event.kind, event.event_id) for event in take(server, 6)]
    assert kinds == [("hello", "4"), ("trial", "5"), ("hello", "9"), ("hello", "9"), ("trial", "6"), ("trial", "9")]
    # The hello of a resumed stream tells the cursor of now: taking it for ours would skip events 6 to 9.
    assert [request.headers.get("Last-Event-ID") for request in server.requests] == [None, "5", "5", "5"]


def test_a_stream_can_start_where_an_earlier_one_ended() -> None:
    server = FakeServer().on("GET", "/events", stream(message("trial", 9, {})))
    take(server, 1, last_event_id="8")
    assert server.requests[0].headers["Last-Event-ID"] == "8"


def test_a_server_that_stays_away_ends_the_stream_after_a_minute() -> None:
    clock = Clock()
    with pytest.raises(ServerUnreachable) as caught:
        take(FakeServer().on("GET", "/events", httpx.ConnectError("refused")), 1, clock)
    assert caught.value.code == "server_unreachable"
    assert 40.0 < clock.now_s <= 60.0


def test_a_server_that_cuts_each_stream_is_asked_ever_less_often() -> None:
    clock = Clock()
    take(FakeServer().on("GET", "/events", stream(message("hello", 4, {}))), 8, clock)
    assert clock.pauses == sorted(clock.pauses)
    assert clock.pauses[-1] > 5.0


def test_a_refused_stream_is_not_tried_again() -> None:
    server = FakeServer().on("GET", "/events", refusal(404, "study_not_found", "no study 3"))
    with pytest.raises(NotFound) as caught:
        take(server, 1)
    assert caught.value.code == "study_not_found"
    assert len(server.requests) == 1


def test_data_that_is_no_json_is_refused() -> None:
    with pytest.raises(ServerFailure) as caught:
        take(FakeServer().on("GET", "/events", stream(b"data: {\n\n")), 1)
    assert caught.value.code == "bad_answer"
