"""Check a quoted command against the program it names, without running it."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shlex
from collections.abc import Callable
from typing import Any, cast

import typer
from tunewell.cli.app import app as tunewell_app
from typer.main import get_command

import api.__main__
import benchmarks.__main__
import db.__main__
import models.__main__
import stack.__main__
import worker.__main__

_USAGE_ERROR = cast(type[Exception], typer.BadParameter.__bases__[0])  # which Typer does not name
_ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")


def _single(main: Callable[..., None]) -> typer.Typer:
    program = typer.Typer()
    program.command()(main)
    return program


PROGRAMS: dict[str, typer.Typer | argparse.ArgumentParser] = {
    "tunewell": tunewell_app,
    "api": api.__main__.app,
    "benchmarks": _single(benchmarks.__main__.main),
    "db": db.__main__.app,
    "models": models.__main__.build_parser(),
    "stack": stack.__main__.app,
    "worker": worker.__main__.app,
}


def find_call(line: str) -> tuple[str, list[str]] | None:
    """Return which of our programs a shell line calls, and with which arguments; None if it calls another one."""
    words = line.split()
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    if not words:
        return None
    name = words[0].rpartition("/")[2]
    if re.fullmatch(r"python[\d.]*", name) and words[1:2] == ["-m"]:
        name, words = words[2], words[2:]
    return (name, shlex.split(" ".join(words[1:]))) if name in PROGRAMS else None


class NotUnderstood(Exception):
    """There is no such command or option, or a value is not accepted."""


def parse(program: str, arguments: list[str]) -> None:
    """Parse arguments as the program would.

    Raises:
        NotUnderstood: The program would refuse them.
    """
    described = PROGRAMS[program]
    if isinstance(described, argparse.ArgumentParser):
        _parse_plainly(described, arguments)
        return
    command: Any = get_command(described)
    rest = list(arguments)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    if hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        raise NotUnderstood(f"{program} has no command {rest[0]!r}")
    for parameter in command.params:  # the reader's files are not here
        parameter.type_descriptor.parameter_info.exists = False
    try:
        command.make_context(program, rest).close()
    except _USAGE_ERROR as error:
        raise NotUnderstood(str(error)) from error


def _parse_plainly(parser: argparse.ArgumentParser, arguments: list[str]) -> None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parser.parse_args(arguments)
    except SystemExit as end:
        raise NotUnderstood(said.getvalue()) from end
