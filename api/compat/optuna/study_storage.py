"""The half of Optuna's `BaseStorage` that is about studies."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from optuna.exceptions import DuplicatedStudyError, StorageInternalError
from optuna.storages import BaseStorage
from optuna.storages._base import DEFAULT_STUDY_NAME_PREFIX
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from api.compat.optuna.history import History
from api.schemas.resources import ResourcesSpec
from api.schemas.studies import BudgetSpec, ObjectiveSpec, SamplerSpec, StudySpec
from api.services.studies import delete_study
from api.transaction import Ledger
from db import optuna_studies, schema
from db.engine import Database
from db.optuna_link import Link, LinkError

MAX_NAME_LENGTH = 512


class StudyStorage(BaseStorage):
    """Studies of both kinds: those that scripts of Optuna's create here, and our own, which Optuna's tools read.

    Args:
        database: An open database.
        is_shared: Whether others use it, and close it.
    """

    def __init__(self, database: Database, *, is_shared: bool) -> None:
        self._database = database
        self._link = Link(database)
        self._histories: dict[int, History] = {}
        # Scripts of Optuna's do not close a storage: its connections end with it.
        self._finalizer = weakref.finalize(self, _close, self._link, None if is_shared else database)

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Create a study. Nobody but scripts of Optuna's runs its trials.

        Raises:
            DuplicatedStudyError: There is a study of that name, of either kind.
            ValueError: The name is too long.
        """
        name = f"{DEFAULT_STUDY_NAME_PREFIX}{uuid4()}" if study_name is None else study_name
        if len(name) > MAX_NAME_LENGTH:
            raise ValueError(f"a study's name has at most {MAX_NAME_LENGTH} characters; this one has {len(name)}")
        try:
            with translated():
                return optuna_studies.insert_study(self._link, _columns(name, directions))
        except IntegrityError as error:
            hint = "choose another name, or load it with load_if_exists=True"
            raise DuplicatedStudyError(f"there is a study named {name!r} already: {hint}") from error

    def delete_study(self, study_id: int) -> None:
        """Hide a study, as the API does: running trials are told to stop, the name becomes free.

        Raises:
            KeyError: There is no such study.
        """
        self._history(study_id)
        self._histories.pop(study_id, None)
        with translated(), Ledger(self._database, ring=lambda _queue, _n: None, notify=lambda: None).write() as tx:
            delete_study(tx, str(study_id))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Store what a user notes about a study.

        Raises:
            KeyError: There is no such study.
        """
        self._set_study_attr(study_id, key, value, is_system=False)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Store what Optuna notes about a study.

        Raises:
            KeyError: There is no such study.
        """
        self._set_study_attr(study_id, key, value, is_system=True)

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return a study's id.

        Raises:
            KeyError: There is no such study.
        """
        with translated():
            study = optuna_studies.find_study(self._link, study_name)
        if study is None:
            raise KeyError(f"there is no study named {study_name!r}")
        return study.id

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return a study's name, which people can change.

        Raises:
            KeyError: There is no such study.
        """
        return self._find_study(study_id).name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the direction of each objective.

        Raises:
            KeyError: There is no such study.
        """
        return _directions(self._history(study_id).study.directions)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return what users have noted about a study.

        Raises:
            KeyError: There is no such study.
        """
        return self._study_attrs(study_id, is_system=False)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return what Optuna has noted about a study.

        Raises:
            KeyError: There is no such study.
        """
        return self._study_attrs(study_id, is_system=True)

    def get_all_studies(self) -> list[FrozenStudy]:
        """Return the studies of both kinds, oldest first."""
        with translated():
            attrs = optuna_studies.list_attrs(self._link)
            studies = optuna_studies.list_studies(self._link)
        return [
            FrozenStudy(
                study_name=study.name,
                direction=None,
                directions=_directions(study.directions),
                user_attrs=_decoded(attrs.get((study.id, False), {})),
                system_attrs=_decoded(attrs.get((study.id, True), {})),
                study_id=study.id,
            )
            for study in studies
        ]

    def remove_session(self) -> None:
        """Give back the connections of the calling thread."""
        self._link.release()

    def close(self) -> None:
        """Close every connection; the storage is not used again."""
        self._finalizer()

    def _history(self, study_id: int) -> History:
        history = self._histories.get(study_id)
        if history is None:
            history = self._histories.setdefault(study_id, History(self._find_study(study_id)))
        return history

    def _find_study(self, study_id: int) -> optuna_studies.OptunaStudy:
        with translated():
            study = optuna_studies.find_study(self._link, study_id)
        if study is None:
            self._histories.pop(study_id, None)
            raise KeyError(f"there is no study with id {study_id}")
        return study

    def _study_attrs(self, study_id: int, *, is_system: bool) -> dict[str, Any]:
        self._find_study(study_id)
        with translated():
            return _decoded(optuna_studies.find_attrs(self._link, study_id, is_system=is_system))

    def _set_study_attr(self, study_id: int, key: str, value: Any, *, is_system: bool) -> None:
        text = json.dumps(value)
        with translated():
            is_set = optuna_studies.set_attr(self._link, study_id, key, text, is_system=is_system)
        if not is_set:
            raise KeyError(f"there is no study with id {study_id}")


def _close(link: Link, database: Database | None) -> None:
    link.close()
    if database is not None:
        database.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turn what a database raises, but for broken constraints, into Optuna's own error."""
    try:
        yield
    except IntegrityError:
        raise
    except (SQLAlchemyError, LinkError) as error:
        raise StorageInternalError(f"the database does not do what it was asked for: {error}") from error


def open_database(url: str) -> Database:
    """Open a database whose schema is the one this code needs; a SQLite file is made or brought up to date.

    Raises:
        RuntimeError: The schema of a server's database is another.
    """
    database = Database(url)
    if database.is_sqlite:
        schema.upgrade(database)
    found, needed = schema.current_revision(database), schema.newest_revision()
    if found != needed:
        shown = database.url.render_as_string(hide_password=True)
        database.close()
        raise RuntimeError(
            f"{shown} is at revision {found or 'none'}, this code needs {needed}: run `python -m db upgrade`"
        )
    return database


def _columns(name: str, directions: Sequence[StudyDirection]) -> dict[str, Any]:
    words = [direction.name.lower() for direction in directions]
    metrics = ["value"] if len(words) == 1 else [f"value_{place}" for place in range(len(words))]
    # A study without data set and model: nothing of ours can run it, and every reader of studies can read it.
    spec = StudySpec(
        dataset="",
        model="",
        sampler=SamplerSpec(name="optuna"),
        objectives=[
            ObjectiveSpec.model_validate({"metric": metric, "direction": word})
            for metric, word in zip(metrics, words, strict=True)
        ],
        budget=BudgetSpec(n_trials=None, max_parallel=100_000),
        resources=ResourcesSpec(queue="optuna"),
    )
    return {
        "name": name,
        "spec": spec.model_dump(mode="json"),
        "queue": spec.resources.queue,
        "direction": words[0],
        "directions": words,
        "max_parallel": spec.budget.max_parallel,
    }


def _directions(words: Sequence[str]) -> list[StudyDirection]:
    return [StudyDirection[word.upper()] for word in words]


def _decoded(attrs: optuna_studies.Attrs) -> dict[str, Any]:
    return {key: json.loads(value) for key, value in attrs.items()}
