"""Calls about suggestions computed again."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell._calls import Calls, StudyRef, study_path
from tunewell.replay import ReplayedTrial


class ReplayCalls(Calls):
    """Let the server prove that suggestions follow from what is stored."""

    def replay_study(self, study: StudyRef, *, page_size: int = 100) -> Iterator[ReplayedTrial]:
        """Compute a study's suggestions again, in the order of their numbers, page by page as they are used.

        Args:
            study: Id or name.
            page_size: Trials per request, at most; a slow sampler answers fewer.

        Raises:
            NotFound: There is no such study.
            Conflict: `no_sampler`: another tool made the study.
        """
        return self._pages(ReplayedTrial, f"{study_path(study)}/replay", {"limit": page_size})
