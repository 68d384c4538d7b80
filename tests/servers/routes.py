"""The routes of the real application, and what the test suite says about who may call each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Route

from api.roles import Role


def routes_of(app: FastAPI) -> Iterator[tuple[str, Route]]:
    """Yield every route that the application serves, those of included routers too, with its whole path."""
    yield from _walk(app.routes, "")


def _walk(routes: Any, prefix: str) -> Iterator[tuple[str, Route]]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _walk(inner.routes, prefix + route.include_context.prefix)
        else:
            # Anything else, such as a mount, would hide routes from this walk.
            assert isinstance(route, Route), route
            yield prefix + route.path, route


def roles_of(route: Route) -> frozenset[Role] | None:
    """Return the roles that a route's dependencies state; None where none does."""
    if not isinstance(route, APIRoute):
        return None
    found = [getattr(one.call, "allowed_roles", None) for one in route.dependant.dependencies]
    stated = [roles for roles in found if roles is not None]
    assert len(stated) <= 1, f"{route.path} states its roles twice"
    return stated[0] if stated else None
