"""What a change of a study would come to, in words."""

from __future__ import annotations

import json
from typing import Any

from tunewell.checks import EditCheck, SettingChange
from tunewell.cli.output import print_facts, print_table

_NOT_SEARCHED = "not searched"
_NONE = "none"


def print_preview(found: EditCheck) -> None:
    """Print what is wrong with a change, or what becomes what and which trials still fit."""
    if found.problems:
        rows = [(one.field or "-", one.message, one.hint or "") for one in found.problems]
        print_table(("FIELD", "PROBLEM", "HINT"), rows, "")
        return
    lines = [(_name(one), _words(one, one.before), _words(one, one.after), _note(one)) for one in found.changes]
    print_table(("SETTING", "IS", "BECOMES", "NOTE"), lines, "Nothing would change.")
    print_facts(_facts(found))


def _facts(found: EditCheck) -> list[tuple[str, object]]:
    return [
        ("finished trials that fit", f"{found.n_fitting} of {found.n_finished}"),
        ("waiting trials replaced", found.n_replaced or ""),
        ("study", "goes on" if found.is_reopened else ""),
    ]


def _name(one: SettingChange) -> str:
    return one.field.removeprefix("search_space.").removeprefix("budget.")


def _words(one: SettingChange, value: Any) -> str:
    is_parameter = one.field.startswith("search_space.")
    if value is None:
        return _NOT_SEARCHED if is_parameter else _NONE
    if isinstance(value, list):
        return "; ".join(map(str, value)) or _NONE
    if not isinstance(value, dict):
        return json.dumps(value)
    shown = {key: part for key, part in value.items() if key != "type" and part is not False}
    return ", ".join(f"{key} {json.dumps(part)}" for key, part in shown.items())


def _note(one: SettingChange) -> str:
    if one.held is not None:
        held = json.dumps(one.held)
        return f"was {held} so far" if one.after is not None else f"{held} from now on"
    return f"{one.n_outside} trials lie outside" if one.n_outside else ""
