"""Fetch a network that predicts."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tunewell._calls import Calls, StudyRef, items_of, study_path
from tunewell._decode import decode
from tunewell._download import download_verified
from tunewell.errors import NotFound, Problem
from tunewell.prediction import Predictor
from tunewell.records import Artifact, Study, Trial

NETWORK_NAME = "model.onnx"


class PredictionCalls(Calls):
    """Turn a study into something that answers."""

    def load_predictor(self, study: StudyRef, *, number: int | None = None) -> Predictor:
        """Fetch the network of a study's best trial, or of trial `number`, and make it ready to answer.

        Raises:
            NotFound: No such study or trial; `no_network` where the trial stored none that can be run here.
            Invalid: `predict_extra` where onnxruntime is not installed.
        """
        with tempfile.TemporaryDirectory(prefix="tunewell-") as folder:
            return Predictor(self.download_network(study, Path(folder) / NETWORK_NAME, number=number))

    def download_network(self, study: StudyRef, path: Path | str, *, number: int | None = None) -> Path:
        """Fetch the ONNX file of a study's best trial, or of trial `number`.

        Raises:
            NotFound: No such study or trial; `no_network` where the trial stored none.
            OSError: The file cannot be written.
        """
        trial_id, found = self._trial_of(study, number)
        artifacts = items_of(Artifact, self._transport.json("GET", f"/trials/{trial_id}/artifacts"))
        for artifact in artifacts:
            if artifact.kind == "network" and artifact.name == NETWORK_NAME:
                content = f"/artifacts/{artifact.artifact_id}/content"
                return download_verified(self._transport, content, path, sha256=artifact.sha256)
        hint = "workers store one for each trial that beats all before it: name such a trial by its number"
        raise NotFound(Problem("no_network", f"trial {found} of {study} stored no {NETWORK_NAME}", hint=hint))

    def _trial_of(self, study: StudyRef, number: int | None) -> tuple[int, int]:
        if number is not None:
            answer = self._transport.json("GET", f"{study_path(study)}/trials/{number}")
            return decode(Trial, answer).trial_id, number
        best = decode(Study, self._transport.json("GET", study_path(study))).best_trial
        if best is None:
            raise NotFound(Problem("no_network", f"no trial of {study} has a result yet", hint="wait for the first"))
        return best.trial_id, best.number
