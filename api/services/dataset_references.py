"""Use cases on data that lies elsewhere: named with its hash, fetched by the thread that prepares it."""

from __future__ import annotations

from pathlib import PurePath

from api.errors import Invalid
from api.references import check_reference, policy_of
from api.schemas.datasets import DatasetVersionRead, ReferenceCreate
from api.services.dataset_uploads import FORMATS, check_name, check_options, require_place
from api.services.dataset_versions import NewVersion, add_version
from api.services.dataset_views import show_version
from api.state import Control


def create(control: Control, name: str, body: ReferenceCreate, owner: str) -> tuple[DatasetVersionRead, bool]:
    """Make a version of bytes that lie elsewhere; the flag tells whether there is something to be prepared.

    Raises:
        Invalid: `bad_name`, `unknown_format`, and what `check_options` and `check_reference` refuse.
        Conflict: `name_builtin` or `too_many_datasets`.
    """
    check_name(name)
    check_options(body.options)
    filename = check_reference(body.reference, policy_of(control.settings))[:255] or "data"
    form = body.format or FORMATS.get(PurePath(filename.lower()).suffix)
    if form is None:
        message = f"{filename!r} does not end as any format does that is read here"
        raise Invalid(
            "unknown_format", message, "format", f"accepted are {', '.join(sorted(FORMATS))}; or say the format"
        )
    options = body.options.model_dump(mode="json", exclude_defaults=True)
    # How many bytes there are is known when they are here.
    new = NewVersion(body.sha256, 0, filename, form, options, owner, body.reference)
    with control.ledger.write() as tx:
        require_place(tx.session, name, control.settings.max_datasets)
        version, is_new = add_version(tx, name, new)
        answer = show_version(version)
    if is_new:
        control.builder.wake()
    return answer, is_new
