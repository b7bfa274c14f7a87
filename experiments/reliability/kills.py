"""Runs that are killed at random instants and resumed, against runs that nobody disturbed.

Every start is `netadapt prune`, in a process forked from this one, which has imported what the
command needs: so an instant falls into the run, not into Python's start. Killed is the process
group that was started; what it had started in turn must end by itself. Exits with 1 where anything
differs.

    python -m experiments.reliability.kills --kills 30 --out experiments/reliability/results.csv
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: no threads when it is forked

import argparse
import csv
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from itertools import count
from pathlib import Path

import torch
from torch import Tensor, nn

from experiments.reliability.run_state import differences, state_of
from netadapt.cli import main as command
from netadapt.pruning.strategies.registry import STRATEGIES
from netadapt.training.classification import ClassificationTask

HERE = "experiments.reliability.kills"
IMPORTED_ONCE = (
    *("torch.export._trace", "scipy.optimize", "scipy.spatial.distance"),
    *("netadapt.pruning.job", "netadapt.pruning.executors.worker_processes"),
)
"""What every start would import first."""
EXECUTORS = {"in-process": (), "workers": ("--workers", "2"), "ray": ("--ray", "local")}
MOST_STARTS = 200
"""Of one run: one that gets nowhere would be started for ever."""
GRACE_S = 20
"""In which processes that were left behind must have ended."""


class SmallNet(nn.Module):
    """conv – conv + residual – conv – conv – pool, for 16 × 16 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32))
        self.inner = nn.Sequential(nn.Conv2d(32, 48, 3, 1, 1, bias=False), nn.BatchNorm2d(48))
        self.outer = nn.Conv2d(48, 32, 1)
        self.last = nn.Conv2d(32, 64, 3, 2, 1)
        self.head = nn.Conv2d(64, 3, 1)  # the table has no linear layers

    def forward(self, image: Tensor) -> Tensor:
        x = self.first(image).relu()
        x = (x + self.outer(self.inner(x).relu())).relu()
        return self.head(self.last(x).relu()).mean((2, 3))


def network() -> nn.Module:
    """The network, always with the same weights."""
    torch.manual_seed(0)
    return SmallNet().eval()


def task() -> ClassificationTask:
    """Which third of the picture is bright."""
    generator = torch.Generator().manual_seed(1)

    def draw(number: int) -> tuple[Tensor, Tensor]:
        labels = torch.randint(3, (number,), generator=generator)
        images = torch.rand(number, 3, 16, 16, generator=generator)
        images[torch.arange(number), labels] += 0.2
        return images, labels

    return ClassificationTask(draw(256), draw(128))


@dataclass
class Row:
    """What one strategy on one executor came to."""

    strategy: str
    executor: str
    signal: str
    iterations: int
    undisturbed_s: float
    setup_s: float
    """Of these, those before the run's folder is there."""
    kills: int = 0
    in_iterations: int = 0
    """Of the kills, those that came when the run's folder was there, before its last row."""
    starts: int = 0
    runs: int = 0
    equal: int = 0
    """Of the runs, those that equal the undisturbed one."""
    left_behind: int = 0
    """Processes that lived on after a kill."""
    seconds: float = 0.0


class Started:
    """`netadapt prune` under way, in a process group of its own."""

    def __init__(self, strategy: str, executor: str, out: Path, *, resume: bool) -> None:
        self._token = f"netadapt-{os.getpid()}-{time.monotonic_ns()}"
        self._words = out.with_suffix(".err")
        arguments = [
            *("prune", "--model", f"{HERE}:network", "--task", f"{HERE}:task"),
            *("--input-shape", "1x3x16x16", "--budget-ms", "84%", "--device", "tx2"),
            *("--first-reduction", "0.035", "--finetune-steps", "30", "--batch-size", "8"),
            *("--strategy", strategy, "--threads", "1", *EXECUTORS[executor], "--out", str(out)),
        ]
        again = ["prune", "--resume", "--out", str(out)]
        self._pid = os.fork()
        if not self._pid:
            self._be(again if resume else arguments)

    def _be(self, arguments: Sequence[str]) -> None:
        """The command, in the forked process."""
        code = 1
        try:
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored under nohup
            words = os.open(self._words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(words, 1)
            os.dup2(words, 2)
            os.environ["NETADAPT_KILLS_TOKEN"] = self._token  # what it starts inherits it
            sys.argv = ["netadapt", *arguments]
            command()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            os._exit(code)  # no exit handlers of the process that forked: it isn't over

    def send(self, number: signal.Signals) -> None:
        """A signal to the whole group."""
        os.killpg(self._pid, number)

    def ended(self, within_s: float) -> int | None:
        """The exit code, minus the signal's number where that ended it; None while it runs."""
        deadline = time.monotonic() + within_s
        while True:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(left, 0.01))

    @property
    def words(self) -> str:
        """What it said."""
        return self._words.read_text(encoding="utf-8", errors="replace")

    def left_behind(self) -> int:
        """How many processes that it started live on; they are ended then."""
        deadline = time.monotonic() + GRACE_S
        while (alive := [*self._descendants()]) and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
        return len(alive)

    def _descendants(self) -> Iterator[int]:
        mark = f"NETADAPT_KILLS_TOKEN={self._token}".encode()
        for place in Path("/proc").glob("[0-9]*"):
            try:
                state = (place / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and mark in (place / "environ").read_bytes().split(b"\0"):
                    yield int(place.name)
            except OSError:
                continue  # it has ended


def undisturbed(
    strategy: str, executor: str, out: Path
) -> tuple[dict[str, object], float, float, int]:
    """What a whole run leaves, how long it took, how long its setting up, and its iterations."""
    started = time.monotonic()
    run = Started(strategy, executor, out, resume=False)
    while (code := run.ended(0.01)) is None and not (out / "run.json").exists():
        pass
    setup = time.monotonic() - started
    code = run.ended(600) if code is None else code
    if code != 0:
        raise SystemExit(f"{strategy}, {executor}: undisturbed, it ended with {code}: {run.words}")
    found = state_of(out)
    rows = found["trajectory.csv"]
    assert isinstance(rows, list)
    return found, time.monotonic() - started, setup, len(rows) - 1


def rows_on_disk(out: Path) -> int:
    """How many iterations a run has committed, the network given included."""
    try:
        return (out / "trajectory.csv").read_bytes().count(b"\n") - 1
    except OSError:
        return 0


def killed(strategy: str, executor: str, kills: int, seed: int, folder: Path) -> Row:
    """Kill runs at random instants until there were so many kills and the last run is through."""
    began = time.monotonic()
    whole, took, setup, iterations = undisturbed(strategy, executor, folder / "whole")
    row = Row(strategy, executor, "SIGKILL", iterations, round(took, 2), round(setup, 2))
    draw = random.Random(f"{strategy} {executor} {seed}")
    for number in count():
        if row.kills >= kills:
            break
        out = folder / f"run-{number}"
        for start in range(MOST_STARTS):
            run = Started(strategy, executor, out, resume=(out / "run.json").exists())
            row.starts += 1
            # A quarter of the instants lie anywhere, the others where the run is under way.
            wait = draw.uniform(draw.choice((0, setup, setup, setup)), took)
            if row.kills == kills:
                wait = 600.0
            code = run.ended(wait)
            if code is None:
                done = rows_on_disk(out)
                run.send(signal.SIGKILL)
                code = run.ended(10)
                if code == -signal.SIGKILL:
                    row.kills += 1
                    row.in_iterations += 0 < done <= iterations
            row.left_behind += run.left_behind()
            if code == 0:
                break
            if code != -signal.SIGKILL or start == MOST_STARTS - 1:
                raise SystemExit(f"{strategy}, {executor}: ended with {code}: {run.words}")
        row.runs += 1
        same = state_of(out) == whole
        row.equal += same
        if same:
            shutil.rmtree(out)
        else:
            say_difference(out, whole)
    row.seconds = round(time.monotonic() - began, 1)
    return row


def stopped(strategy: str, executor: str, number: signal.Signals, seed: int, folder: Path) -> Row:
    """Stop a run once as a user or a scheduler does, at a random instant of its iterations."""
    began = time.monotonic()
    whole, took, setup, iterations = undisturbed(strategy, executor, folder / "whole")
    row = Row(strategy, executor, number.name, iterations, round(took, 2), round(setup, 2))
    draw = random.Random(f"{strategy} {executor} {number} {seed}")
    out = folder / "run"
    run = Started(strategy, executor, out, resume=False)
    while not (out / "run.json").exists() and run.ended(0.01) is None:
        pass
    time.sleep(draw.uniform(0, (took - setup) / 2))
    row.in_iterations += 0 < rows_on_disk(out) <= iterations
    run.send(number)
    code = run.ended(60)
    row.left_behind += run.left_behind()
    how = f"continue with: netadapt prune --resume --out {out}"
    if code != 130 or how not in run.words or "Traceback" in run.words:
        raise SystemExit(f"{strategy}, {executor}, {number.name}: ended with {code}: {run.words}")
    row.kills = 1
    run = Started(strategy, executor, out, resume=True)
    code = run.ended(600)
    row.starts, row.runs = 2, 1
    row.equal = int(code == 0 and state_of(out) == whole)
    if not row.equal:
        say_difference(out, whole)
    row.seconds = round(time.monotonic() - began, 1)
    return row


def say_difference(out: Path, whole: dict[str, object]) -> None:
    """Which files differ."""
    print(f"{out} differs in {', '.join(differences(state_of(out), whole))}", file=sys.stderr)


def asked() -> argparse.Namespace:
    """The options of this script."""
    known = STRATEGIES.names()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--kills", type=int, default=30, help="of each strategy and executor")
    parser.add_argument("--strategies", nargs="+", default=known, choices=known)
    parser.add_argument("--executors", nargs="+", default=[*EXECUTORS][:2], choices=EXECUTORS)
    parser.add_argument("--signals", action="store_true", help="SIGINT and SIGTERM once each too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="add the rows to this CSV")
    return parser.parse_args()


def main() -> None:
    """Kill, compare, print a row at a time."""
    options = asked()
    for name in IMPORTED_ONCE:
        import_module(name)
    print(*(f"{field.name:>13}" for field in fields(Row)), flush=True)
    failed = False
    with tempfile.TemporaryDirectory(prefix="netadapt-kills-") as place:
        for strategy in options.strategies:
            for executor in options.executors:
                for number in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
                    folder = Path(place) / f"{strategy}-{executor}-{number.name}"
                    folder.mkdir()
                    if number == signal.SIGKILL:
                        row = killed(strategy, executor, options.kills, options.seed, folder)
                    elif options.signals:
                        row = stopped(strategy, executor, number, options.seed, folder)
                    else:
                        continue
                    print(*(f"{value!s:>13}" for value in asdict(row).values()), flush=True)
                    failed |= row.equal < row.runs or row.left_behind > 0
                    if options.out is not None:
                        append(options.out, row)
    raise SystemExit(int(failed))


def append(file: Path, row: Row) -> None:
    """Add a row to a CSV, which is begun where there is none."""
    new = not file.exists()
    with file.open("a", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        if new:
            table.writerow(field.name for field in fields(Row))
        table.writerow(asdict(row).values())


if __name__ == "__main__":
    main()
