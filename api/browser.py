"""The cookie by which a browser stays signed in, and the second secret that its changes need.

A browser sends a cookie with whatever asks for it. `SameSite=Strict` and the check of `Origin` keep pages of others
out; the CSRF token holds where both should fail: it is told to the page alone, which has to put it into a header.

The cookie's name holds the port: browsers keep cookies by host name, and two servers on one machine would sign each
other's readers out. Behind TLS it is `__Host-`, which browsers take over a secure connection only, for this host alone.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

from fastapi import Request, Response

_AGENT_CHARS: Final = 200
_ADDRESS_CHARS: Final = 64


def secret_in(request: Request) -> str | None:
    """Return the secret in a request's cookie, None where there is no such cookie."""
    cookies = request.cookies
    for is_secure in (True, False):
        found = cookies.get(_name(request, is_secure))
        if found:
            return found
    return None


def set_cookie(request: Request, response: Response, secret: str, max_s: float) -> None:
    """Give a browser its cookie, out of reach of scripts. `max_s` is the longest time that it can be of use."""
    is_secure = _is_secure(request)
    response.set_cookie(
        _name(request, is_secure),
        secret,
        max_age=int(max_s),
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )


def drop_cookie(request: Request, response: Response) -> None:
    """Take a browser's cookie away."""
    for is_secure in (True, False):
        name = _name(request, is_secure)
        if name in request.cookies:
            response.delete_cookie(name, path="/", secure=is_secure, httponly=True, samesite="strict")


def csrf_token_of(secret: str) -> str:
    """Return what has to come with the changes of the browser that holds `secret`; it does not tell the secret."""
    return hmac.new(secret.encode(), b"tunewell csrf", sha256).hexdigest()


def is_csrf_token(secret: str, given: str) -> bool:
    """Return whether `given` is that of `secret`."""
    return hmac.compare_digest(csrf_token_of(secret).encode(), given.encode())


def address_of(request: Request) -> str:
    """Return the network address of the caller; of a trusted proxy's client, what the proxy says."""
    return "" if request.client is None else request.client.host[:_ADDRESS_CHARS]


def agent_of(request: Request) -> str:
    """Return what the browser calls itself."""
    return "".join(char for char in request.headers.get("user-agent", "") if char.isprintable())[:_AGENT_CHARS]


def _is_secure(request: Request) -> bool:
    # A proxy that ends TLS need not tell: the browser does, since the page's own origin then begins with https.
    return request.url.scheme == "https" or request.headers.get("origin", "").lower().startswith("https://")


def _name(request: Request, is_secure: bool) -> str:
    port = request.headers.get("host", "").rpartition("]")[2].partition(":")[2]
    name = f"tunewell_session_{port}" if port.isdecimal() and port.isascii() else "tunewell_session"
    return f"__Host-{name}" if is_secure else name
