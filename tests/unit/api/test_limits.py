"""How often somebody may be wrong, and how often somebody may ask."""

from __future__ import annotations

import pytest

from api.errors import TooManyRequests
from api.limits import Limits, network_of
from db.tokens import hash_token

HERE, THERE = "192.0.2.7", "198.51.100.9"


class Clock:
    """Seconds that pass when a test says so."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def guess(limits: Limits, token: str, address: str = HERE, *, is_right: bool = False) -> float:
    """Try a token as `api.auth.admit` does; return how long the refusal asks to wait, 0 where it was looked at."""
    try:
        limits.check_patience(token, hash_token(token), address)
    except TooManyRequests as refusal:
        return refusal.retry_after_s or -1.0
    limits.note_token(token, hash_token(token), address, is_right=is_right)
    return 0.0


def test_each_wrong_token_beyond_the_free_ones_waits_twice_as_long_up_to_five_minutes() -> None:
    clock = Clock()
    limits = Limits(3, 1.0, clock)
    assert [guess(limits, f"{n}-guessed") for n in range(3)] == [0.0, 0.0, 0.0]
    waits = []
    for n in range(12):
        waits.append(guess(limits, f"{n}-again"))
        clock.now_s += waits[-1] - 0.01
        assert guess(limits, f"{n}-again") == 1.0, "a wait is not over before its end"
        clock.now_s += 0.01
        assert guess(limits, f"{n}-again") == 0.0
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0, 300.0]


def test_a_quarter_of_an_hour_without_a_wrong_token_forgives_all() -> None:
    clock = Clock()
    limits = Limits(3, 1.0, clock)
    for n in range(3):
        guess(limits, f"{n}-guessed")
    assert guess(limits, "x-guessed") == 1.0
    clock.now_s += 901.0
    assert [guess(limits, f"{n}-later") for n in range(3)] == [0.0, 0.0, 0.0]
    assert guess(limits, "x-later") == 1.0


def test_others_are_not_held_up_and_neither_is_a_token_that_was_right() -> None:
    limits = Limits(3, 1.0, Clock())
    assert guess(limits, "mine-and-right", is_right=True) == 0.0
    for n in range(3):
        guess(limits, f"{n}-guessed")
    assert guess(limits, "mine-and-right", is_right=True) == 0.0
    assert guess(limits, "new-and-right", THERE, is_right=True) == 0.0
    with pytest.raises(TooManyRequests) as caught:
        limits.check_patience("other-new-one", hash_token("other-new-one"), HERE)
    assert caught.value.code == "too_many_failures"


def test_guesses_with_one_beginning_count_together_wherever_they_come_from() -> None:
    limits = Limits(3, 1.0, Clock())
    for n in range(3):
        assert guess(limits, f"tw_abcde{n}", f"203.0.113.{n}") == 0.0
    assert guess(limits, "tw_abcde9", "203.0.113.9") == 1.0
    assert guess(limits, "tw_abcdx9", "203.0.113.9") == 0.0


def test_the_same_wrong_token_is_one_failure_and_is_paced_as_any_token_is() -> None:
    clock = Clock()
    limits = Limits(3, 1.0, clock)
    assert [guess(limits, "an-expired-one") for _ in range(11)] == [0.0] * 11, "ten of them were known"
    assert guess(limits, "new-and-right", is_right=True) == 0.0
    with pytest.raises(TooManyRequests) as caught:
        limits.check_patience("an-expired-one", hash_token("an-expired-one"), HERE)
    assert caught.value.code == "too_many_requests"
    # It counts anew once it was right in between: it is then one that was revoked.
    limits.note_token("new-and-right", hash_token("new-and-right"), HERE, is_right=False)
    guess(limits, "2-guessed")
    assert guess(limits, "3-guessed") == 1.0


def test_requests_of_a_token_are_paced_and_a_pause_saves_up_ten_seconds_worth() -> None:
    clock = Clock()
    limits = Limits(3, 2.0, clock)
    for _ in range(20):
        limits.spend_request("mine")
    with pytest.raises(TooManyRequests) as caught:
        limits.spend_request("mine")
    assert (caught.value.code, caught.value.status, caught.value.retry_after_s) == ("too_many_requests", 429, 1)
    limits.spend_request("another")
    clock.now_s += 0.5
    limits.spend_request("mine")
    with pytest.raises(TooManyRequests):
        limits.spend_request("mine")
    clock.now_s += 1000.0
    for _ in range(20):
        limits.spend_request("mine")
    with pytest.raises(TooManyRequests):
        limits.spend_request("mine")


def test_what_is_remembered_is_bounded() -> None:
    limits = Limits(1, 1.0, Clock(), max_entries=8)
    for n in range(100):
        guess(limits, f"{n:08}", f"192.0.2.{n}")
        limits.spend_request(str(n))
    assert limits.n_remembered <= 3 * 8
    assert guess(limits, "newest", "192.0.2.99") == 1.0, "the newest is what is kept"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("unix", "unix"),
    ],
)
def test_an_ipv6_line_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
