"""One fault run: open the house, let the crew work, strike as planned, let everything settle, look at what is left."""

from __future__ import annotations

import heapq
import itertools
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.crew import Crew
from benchmarks.chaos.faults import FAULTS, Missed, Scene, Undo, kinds_for
from benchmarks.chaos.house import FULL, DatabaseKind, House, Size, open_house
from benchmarks.chaos.invariants import Evidence, find_broken
from benchmarks.chaos.ledger import Ledger, read_diaries, read_ledger
from benchmarks.chaos.plan import Strike, draw_strikes
from benchmarks.chaos.reader import Reader
from benchmarks.chaos.watch import Orphans, count_unnamed, find_damaged, find_leftovers
from tests.servers.waiting import wait_until

SETTLE_WITHIN_S = 240.0
_TICK_S = 0.05
_QUIET_S, _TIDY_WITHIN_S = 2.5, 120.0
_LOOK_EVERY_S, _SAY_EVERY_S = 1.0, 15.0
_AIM_FOR_S, _AIM_EVERY_S = 6.0, 0.2
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for.

    Attributes:
        seed: Of faults, studies and scripts.
        seconds: How long faults strike.
        database: Which kind.
        only: Names of faults; empty: all.
        pause_s: Longest quiet time between two strikes.
        size: How much is done meanwhile.
        keep: Keep the folder with all logs.
    """

    seed: int
    seconds: float
    database: DatabaseKind = "sqlite"
    only: frozenset[str] = frozenset()
    pause_s: float = 3.0
    size: Size = FULL
    keep: bool = False

    @property
    def strikes(self) -> tuple[Strike, ...]:
        """The schedule of faults."""
        kinds = [kind for kind in kinds_for(self.database) if not self.only or kind.name in self.only]
        return draw_strikes(self.seed, self.seconds, kinds, self.pause_s)


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that was done; `recovered_s` is from its end to the next points in the live stream.

    It is None where another fault struck meanwhile: nobody knows then which of them is waited for.
    """

    strike: Strike
    recovered_s: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed.

    Attributes:
        order: What was asked for.
        struck: The faults in the order in which they ended.
        n_missed: Those that found nobody to hit.
        broken: Sentences; empty where every invariant holds.
        ledger: What the database held in the end.
        settled_s: From the end of the faults until all work had ended.
        n_scripts: Runs, agents and commands that were started.
        n_meddled: Requests that were doubled, delayed or left without an answer.
        n_connections: Streams that the reader opened.
        n_starts: How often API and workers were started.
        n_unnamed: Files of the artifact store that no row names.
        disk: How disks were filled.
        has_clocks: Whether clocks could be set.
        folder: Where state and logs lie, if they were kept.
    """

    order: Order
    struck: Sequence[Struck]
    n_missed: int
    broken: Sequence[str]
    ledger: Ledger
    settled_s: float
    n_scripts: int
    n_meddled: int
    n_connections: int
    n_starts: int
    n_unnamed: int
    disk: str
    has_clocks: bool
    folder: Path | None


def fight(order: Order, say: Say = lambda _: None) -> Outcome:
    """Do a run.

    Args:
        order: What is asked for.
        say: Takes lines about what happens.

    Effects:
        Starts processes and ends them all. A copy of its temporary folder stays where an invariant is broken.
    """
    folder = Path(tempfile.mkdtemp(prefix="tunewell-chaos-"))
    with open_house(order.database, folder, order.seed, order.size) as house:
        house.start()
        reader = Reader(f"http://127.0.0.1:{house.wires['reader'].port}")
        with reader, Crew(house, order.seed, order.size) as crew:
            wait_until(lambda: reader.is_following, 30, what="the reader follows")
            outcome = _Fight(order, Scene(house, crew), reader, say).run()
        if outcome.broken or order.keep:
            _keep_state(house, folder.with_name(f"{folder.name}-kept"))
    shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _keep_state(house: House, kept: Path) -> None:
    """Copy what lies on disks that go away with the run."""
    with suppress(OSError, shutil.Error):
        shutil.copytree(house.folder, kept)


@dataclass(frozen=True, slots=True)
class _Ended:
    """A fault that is over, and when that was, by `time.monotonic`."""

    strike: Strike
    at: float

    def overlaps(self, begin: float, end: float) -> bool:
        """Return whether it struck within a time."""
        return self.at - self.strike.length_s < end and self.at > begin


@dataclass(slots=True)
class _Fight:
    """A run under way."""

    order: Order
    scene: Scene
    reader: Reader
    say: Say
    orphans: Orphans = field(init=False)
    missed: list[Strike] = field(default_factory=list)
    _looked_at_s: float = 0.0

    def __post_init__(self) -> None:
        self.orphans = Orphans(self.scene.house.family)

    def run(self) -> Outcome:
        ended_at = self._strike_all()
        house, crew = self.scene.house, self.scene.crew
        crew.is_open = False
        begun_s = time.monotonic()
        hung = [*crew.refused[:3], *self._wait(crew.is_done, "work has not ended")]
        settled_s = time.monotonic() - begun_s
        self._calm_down()
        try:
            house.stop()
        except (AssertionError, TimeoutError) as error:
            hung.append(str(error)[:2000])
        ledger = read_ledger(house.database_url)
        broken = find_broken(self._evidence(ledger, hung))
        folder = house.folder.with_name(f"{house.folder.name}-kept") if broken or self.order.keep else None
        return Outcome(
            order=self.order,
            struck=[self._struck(one, ended_at) for one in ended_at],
            n_missed=len(self.missed),
            broken=broken,
            ledger=ledger,
            settled_s=settled_s,
            n_scripts=len(crew.started),
            n_meddled=house.meddler.n_meddled,
            n_connections=self.reader.n_connections,
            n_starts=sum(member.n_starts for member in (house.api, *house.workers)),
            n_unnamed=count_unnamed(house.folder / "server" / "artifacts", ledger.artifacts),
            disk=house.disks["server"].how,
            has_clocks=bool(house.clocks),
            folder=folder,
        )

    def _strike_all(self) -> list[_Ended]:
        """Do the faults at their times; return when each was over."""
        begun_s = time.monotonic()
        order = itertools.count()
        due: list[tuple[float, int, Strike, Undo | None]] = [
            (strike.at_s, next(order), strike, None) for strike in self.order.strikes
        ]
        heapq.heapify(due)
        ended: list[_Ended] = []
        while due or time.monotonic() - begun_s < self.order.seconds:
            while due and due[0][0] <= time.monotonic() - begun_s:
                _, _, strike, undo = heapq.heappop(due)
                if undo is None:
                    again_s, undo = self._begin(strike, time.monotonic() - begun_s)
                    if again_s is not None:
                        heapq.heappush(due, (again_s, next(order), strike, undo))
                else:
                    undo()
                    ended.append(_Ended(strike, time.monotonic()))
            self._tick()
        return ended

    def _begin(self, strike: Strike, now_s: float) -> tuple[float | None, Undo | None]:
        """Return when to look at a strike again, and how it is undone then; one that misses tries again for a while."""
        try:
            undo = FAULTS[strike.fault][0](self.scene, strike.share) or (lambda: None)
        except Missed:
            is_over = now_s > strike.at_s + _AIM_FOR_S
            if is_over:
                self.missed.append(strike)
            return (None if is_over else now_s + _AIM_EVERY_S), None
        length = f" for {strike.length_s:.1f} s" if strike.length_s else ""
        self.say(f"{now_s:7.1f} s  {strike.fault}{length}")
        return now_s + strike.length_s, undo

    def _tick(self) -> None:
        self.scene.house.keep()
        self.scene.crew.keep()
        if time.monotonic() - self._looked_at_s > _LOOK_EVERY_S:
            self._looked_at_s = time.monotonic()
            self.orphans.look()
        time.sleep(_TICK_S)

    def _calm_down(self) -> None:
        """Let scripts go, and let everything on the way arrive."""
        crew = self.scene.crew
        self._wait(crew.is_left, timeout_s=20)
        crew.sync()
        self._wait(lambda: not list(find_leftovers(self.scene.house.folder)), timeout_s=_TIDY_WITHIN_S)
        self._wait(self._is_quiet, timeout_s=20)

    def _wait(
        self, condition: Callable[[], bool], what: str = "it is late", timeout_s: float = SETTLE_WITHIN_S
    ) -> list[str]:
        begun_s = time.monotonic()
        says_at_s = _SAY_EVERY_S
        while not condition():
            waited_s = time.monotonic() - begun_s
            if waited_s > timeout_s:
                return [f"{what} within {timeout_s:g} s: {', '.join(self.scene.crew.open_work())}"]
            if waited_s > says_at_s:
                says_at_s += _SAY_EVERY_S
                self.say(f"  calm for {waited_s:.0f} s: {', '.join(self.scene.crew.open_work())}")
            self._tick()
        return []

    def _is_quiet(self) -> bool:
        """Return whether the reader has heard nothing new for a while: it has heard all."""
        return time.monotonic() - (self.reader.batches_at or [0.0])[-1] > _QUIET_S

    def _evidence(self, ledger: Ledger, hung: Sequence[str]) -> Evidence:
        house, crew = self.scene.house, self.scene.crew
        killed = {
            one.process.pid: one.ended_at for one in crew.started if one.process.popen.returncode not in (0, None)
        }
        return Evidence(
            ledger=ledger,
            diaries=read_diaries(crew.diaries),
            killed_at={pid: at for pid, at in killed.items() if at is not None},
            n_told=dict(self.reader.n_told),
            ended=frozenset(self.reader.ended),
            n_resets=self.reader.resets,
            orphans=self.orphans.found,
            leftovers=list(find_leftovers(house.folder)),
            missing_files=list(find_damaged(house.folder / "server" / "artifacts", ledger.artifacts)),
            hung=hung,
        )

    def _struck(self, one: _Ended, all_of_them: Sequence[_Ended]) -> Struck:
        came_at = self.reader.next_after(one.at)
        if came_at is None or any(other is not one and other.overlaps(one.at, came_at) for other in all_of_them):
            return Struck(one.strike, None)
        return Struck(one.strike, came_at - one.at)
