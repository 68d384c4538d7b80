"""The SDK's calls: paths, parameters, pages, files, waiting."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest
from tunewell import Artifact, Client, NotFound, ServerFailure, ServerUnreachable
from tunewell._pacing import Pacing

from tests.unit.client.fakes import SERVER, FakeServer, ok, page, refusal, stream, study_json, trial_json

CONTENT = b"number,state\n0,COMPLETE\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def client(server: FakeServer) -> Client:
    return Client(SERVER, transport=server)


def test_pages_are_fetched_as_they_are_used(server: FakeServer, client: Client) -> None:
    server.on("GET", "/studies/3/trials", page(trial_json(0), next_cursor="c/1"), page(trial_json(1)))
    trials = client.list_trials(3, state=["COMPLETE", "PRUNED"], order_by="value", descending=True, page_size=1)
    assert server.requests == []
    assert next(trials).number == 0
    assert len(server.requests) == 1
    assert [trial.number for trial in trials] == [1]
    first, second = (request.url.params for request in server.requests)
    assert first.get_list("state") == ["COMPLETE", "PRUNED"]
    assert (first["order_by"], first["descending"], first["limit"]) == ("value", "true", "1")
    assert "cursor" not in first
    assert second["cursor"] == "c/1"
    assert second.get_list("state") == ["COMPLETE", "PRUNED"]


def test_one_state_may_be_a_word(server: FakeServer, client: Client) -> None:
    server.on("GET", "/studies/digits/trials", page())
    assert list(client.list_trials("digits", state="RUNNING")) == []
    assert server.requests[0].url.params.get_list("state") == ["RUNNING"]


def test_trials_are_filtered(server: FakeServer, client: Client) -> None:
    server.on("GET", "/studies/digits/trials", page(), page())
    assert list(client.list_trials("digits", where="value>0.9 activation=relu")) == []
    assert list(client.list_trials("digits")) == []
    filtered, whole = (request.url.params for request in server.requests)
    assert filtered["where"] == "value>0.9 activation=relu"
    assert "where" not in whole


def test_studies_are_filtered(server: FakeServer, client: Client) -> None:
    server.on("GET", "/studies", page(study_json()))
    assert [study.name for study in client.list_studies(state="RUNNING", search="dig", tag="a")] == ["digits-mlp"]
    assert dict(server.requests[0].url.params) == {"state": "RUNNING", "search": "dig", "tag": "a", "limit": "100"}
    assert list(client.list_studies("best>0.9", archived="all", order_by="best", descending=False))
    ordered = {"q": "best>0.9", "archived": "all", "order_by": "best", "descending": "false", "limit": "100"}
    assert dict(server.requests[1].url.params) == ordered


def test_a_page_without_items_is_no_page(server: FakeServer, client: Client) -> None:
    server.on("GET", "/studies", ok({"studies": []}))
    with pytest.raises(ServerFailure) as caught:
        list(client.list_studies())
    assert caught.value.code == "bad_answer"


def test_changes_are_sent_as_they_are_named(server: FakeServer, client: Client) -> None:
    server.on("PATCH", "/studies/digits", ok(study_json())).on("DELETE", "/studies/digits", httpx.Response(204))
    server.on("POST", "/studies/3:restore", ok(study_json()))
    client.update_study("digits", n_trials=30, tags=["a"])
    client.pause_study("digits")
    client.resume_study("digits")
    client.stop_study("digits")
    client.archive_study("digits")
    client.unarchive_study("digits")
    client.delete_study("digits")
    assert client.restore_study(3).study_id == 3
    actions = [{"action": action} for action in ("pause", "resume", "stop")]
    archived = [{"archived": True}, {"archived": False}]
    assert server.bodies() == [{"n_trials": 30, "tags": ["a"]}, *actions, *archived]


def test_a_trial_is_added_and_read(server: FakeServer, client: Client) -> None:
    server.on("POST", "/studies/3/trials", ok(trial_json(4), 201)).on("GET", "/studies/3/trials/4", ok(trial_json(4)))
    server.on("GET", "/trials/14", ok(trial_json(4))).on("POST", "/trials/14:stop", ok(trial_json(4)))
    assert client.add_trial(3, {"a": 1}, state="COMPLETE", values={"loss": float("inf")}).number == 4
    assert client.get_trial_by_number(3, 4) == client.get_trial(14) == client.stop_trial(14)
    assert server.bodies()[0] == {"params": {"a": 1}, "state": "COMPLETE", "note": "", "values": {"loss": "Infinity"}}


def test_a_trial_is_run_again(server: FakeServer, client: Client) -> None:
    again = trial_json(5, source="retry", origin=4, seed=7)
    server.on("POST", "/trials/14:retry", ok(again, 201))
    server.on("POST", "/trials/14:repeat", ok({"items": [trial_json(6, origin=4), trial_json(7, origin=4)]}, 201))
    retried = client.retry_trial(14)
    assert (retried.number, retried.origin, retried.seed) == (5, 4, 7)
    assert [one.number for one in client.repeat_trial(14, 2, note="luck?")] == [6, 7]
    assert server.bodies() == [{"n": 2, "note": "luck?"}]


def test_a_trial_tells_where_it_ran(server: FakeServer, client: Client) -> None:
    environment = {"commit": "abc", "python": "3.11.9", "packages": {"numpy": "2"}, "gpus": ["A GPU"]}
    place = {"attempt_nos": [1], "worker_id": 2, "worker_name": "w", "host": "h", "environment": environment}
    server.on("GET", "/trials/14/environment", ok({"items": [place, {**place, "environment": None}]}))
    told, silent = client.get_environments(14)
    assert told.environment is not None
    assert (told.host, told.environment.commit, told.environment.packages) == ("h", "abc", {"numpy": "2"})
    assert silent.environment is None


def test_lines_are_searched_by_the_server(server: FakeServer, client: Client) -> None:
    server.on("GET", "/trials/1/logs", ok({"items": [], "next_cursor": "1"}))
    assert list(client.list_logs(1, containing="100 %")) == []
    assert server.requests[0].url.params["q"] == "100 %"


def test_curves_and_log_lines(server: FakeServer, client: Client) -> None:
    series = {"name": "loss", "steps": [0], "values": ["NaN"], "n_points": 1}
    server.on("GET", "/trials/1/metrics", ok({"trial_id": 1, "series": [series]}))
    lines = [
        {"line_id": n, "attempt_no": 1, "stream": "stdout", "at": "2026-01-01T00:00:00Z", "text": str(n)}
        for n in (1, 2)
    ]
    pages = [ok({"items": [line], "next_cursor": str(n)}) for n, line in enumerate(lines)]
    server.on("GET", "/trials/1/logs", *pages, ok({"items": [], "next_cursor": "1"}))
    assert client.get_metrics(1, ["loss", "x"], max_points=5)[0].n_points == 1
    assert dict(server.requests[0].url.params) == {"names": "loss,x", "max_points": "5"}
    assert [line.text for line in client.list_logs(1)] == ["1", "2"]
    assert [request.url.params.get("cursor") for request in server.requests[1:]] == [None, "0", "1"]


def test_catalogues_and_workers(server: FakeServer, client: Client) -> None:
    worker = {"worker_id": 1, "name": "w", "state": "DRAINING", "queues": ["cpu"], "n_slots": 2}
    server.on("GET", "/datasets", ok({"items": [{"name": "digits", "task": "classification"}]}))
    server.on(
        "GET", "/models", ok({"items": [{"name": "mlp", "hyperparameters": [{"name": "epochs", "type": "int"}]}]})
    )
    server.on("GET", "/workers", ok({"items": [worker]})).on("POST", "/workers/1:drain", ok(worker))
    assert client.list_datasets()[0].name == "digits"
    assert client.list_models()[0].hyperparameters[0].name == "epochs"
    assert client.list_workers() == (client.drain_worker(1),)


def test_a_worker_is_let_go_on_and_queues_are_read(server: FakeServer, client: Client) -> None:
    run = {"trial_id": 5, "study_name": "s", "number": 0, "attempt_state": "RUNNING", "trial_state": "RUNNING"}
    machine = {"n_cpus": 2, "memory_used_bytes": 1, "memory_total_bytes": 4, "gpus": [{"index": 0, "name": "H200"}]}
    worker = {"worker_id": 1, "name": "w", "state": "ALIVE", "queues": ["cpu"], "n_slots": 2}
    depth = {"n_studies": 1, "n_waiting": 3, "n_to_come": None, "n_running": 2, "n_slots": 2, "n_idle": 0}
    server.on("POST", "/workers/1:undrain", ok({**worker, "runs": [run], "machine": machine}))
    server.on("GET", "/queues", ok({"items": [{"name": "cpu", **depth}]}))
    back = client.undrain_worker(1)
    assert (back.state, back.runs[0].study_name, back.machine and back.machine.gpus[0].name) == ("ALIVE", "s", "H200")
    (queue,) = client.list_queues()
    assert (queue.name, queue.n_waiting, queue.n_to_come) == ("cpu", 3, None)


class TestFiles:
    """Files appear whole and verified, or not at all."""

    def artifact(self, sha256: str = SHA256) -> Artifact:
        return Artifact(5, "n", "network", sha256, len(CONTENT))

    def test_an_artifact_is_verified_by_its_record_or_by_the_etag(
        self, server: FakeServer, client: Client, tmp_path: Path
    ) -> None:
        answer = httpx.Response(200, content=CONTENT, headers={"ETag": f'"{SHA256}"'})
        server.on("GET", "/artifacts/5/content", answer)
        for artifact in (self.artifact(), 5):
            path = client.download_artifact(artifact, str(tmp_path / "file"))
            assert path.read_bytes() == CONTENT
            path.unlink()

    @pytest.mark.parametrize("etag", [f'"{"0" * 64}"', f'W/"{"0" * 64}"'])
    def test_other_bytes_are_refused(self, server: FakeServer, client: Client, tmp_path: Path, etag: str) -> None:
        server.on("GET", "/artifacts/5/content", httpx.Response(200, content=CONTENT, headers={"ETag": etag}))
        for artifact in (self.artifact("0" * 64), 5):
            with pytest.raises(ServerFailure) as caught:
                client.download_artifact(artifact, tmp_path / "file")
            assert caught.value.code == "checksum_mismatch"
        assert list(tmp_path.iterdir()) == []

    def test_an_unknown_hash_is_refused(self, server: FakeServer, client: Client, tmp_path: Path) -> None:
        server.on("GET", "/artifacts/5/content", httpx.Response(200, content=CONTENT, headers={"ETag": '"v1"'}))
        with pytest.raises(ServerFailure) as caught:
            client.download_artifact(5, tmp_path / "file")
        assert caught.value.code == "no_checksum"
        assert client.download_artifact(self.artifact(), tmp_path / "file").read_bytes() == CONTENT

    def test_a_cut_download_leaves_the_old_file(self, server: FakeServer, client: Client, tmp_path: Path) -> None:
        path = tmp_path / "trials.csv"
        path.write_text("old")
        server.on("GET", "/studies/3/export", stream(b"num", httpx.ReadError("cut")), stream(CONTENT))
        with pytest.raises(ServerUnreachable) as caught:
            client.export_study(3, path)
        assert caught.value.code == "connection_lost"
        assert path.read_text() == "old"
        assert client.export_study(3, path, file_format="json").read_bytes() == CONTENT
        assert [request.url.params["format"] for request in server.requests] == ["csv", "json"]
        assert list(tmp_path.iterdir()) == [path]

    def test_a_refused_download_has_the_servers_words(self, server: FakeServer, client: Client, tmp_path: Path) -> None:
        server.on("GET", "/artifacts/5/content", refusal(404, "artifact_not_found", "no artifact 5"))
        with pytest.raises(NotFound) as caught:
            client.download_artifact(5, tmp_path / "file")
        assert caught.value.code == "artifact_not_found"


class TestWait:
    """Waiting ends with the study or with the patience."""

    def test_until_the_study_ended(self, server: FakeServer, client: Client) -> None:
        running, ended = study_json(), study_json(state="COMPLETE")
        server.on("GET", "/studies/digits-mlp", ok(running)).on("GET", "/studies/3", ok(running), ok(ended))
        pauses: list[float] = []
        pacing = Pacing(now=lambda: sum(pauses), sleep=pauses.append)
        assert client.wait("digits-mlp", pacing=pacing).state == "COMPLETE"
        assert pauses == [1.0, 1.0]

    def test_until_the_time_is_over(self, server: FakeServer, client: Client) -> None:
        server.on("GET", "/studies/3", ok(study_json()))
        pauses: list[float] = []
        pacing = Pacing(now=lambda: sum(pauses), sleep=pauses.append)
        with pytest.raises(TimeoutError, match="still RUNNING after 2"):
            client.wait(3, 2.5, pacing=pacing)
        assert pauses == [1.0, 1.0, 0.5]
