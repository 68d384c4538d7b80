"""Waiting for the API to be ready."""

from collections.abc import Callable

import httpx

READY_PATH = "/readyz"


def why_not_ready(server: str, *, get: Callable[..., httpx.Response] = httpx.get) -> str | None:
    """Ask the API once whether it can work.

    Returns:
        None when it can, else what it said or why it did not answer.
    """
    try:
        answer = get(server + READY_PATH, timeout=5.0, trust_env=False)
    except httpx.HTTPError as error:
        return f"no answer ({error})"
    return None if answer.status_code == httpx.codes.OK else f"{answer.status_code}: {answer.text[:500]}"
