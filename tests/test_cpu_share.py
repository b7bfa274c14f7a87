"""Too little of the processor is said once, with the figures; a pause or enough of it is not."""

from __future__ import annotations

import pytest

from netadapt.cpu_share import CpuShare
from netadapt.training.steps import train_step


class Machine:
    """A clock and a processor that go on as the work says."""

    def __init__(self) -> None:
        self.wall_s = self.processor_s = 0.0
        self.said: list[str] = []
        share = CpuShare(lambda: self.wall_s, lambda: self.processor_s, self.said.append)
        self.work = share.watched(self._work)

    def _work(self, wall_s: float, processor_s: float) -> str:
        self.wall_s += wall_s
        self.processor_s += processor_s
        return "done"


def test_a_step_that_gets_too_little_is_said_once() -> None:
    machine = Machine()
    for _ in range(3):
        assert machine.work(100, 4) == "done"
        machine.wall_s += 1000  # between steps nothing is counted
    (text,) = machine.said
    assert text.startswith("a step took 100 s and got 4 s of processor time: ")
    assert "--threads" in text


def test_short_steps_are_added_up() -> None:
    machine = Machine()
    for _ in range(19):
        machine.work(1, 0.3)
    assert not machine.said
    machine.work(1, 0.3)
    assert machine.said[0].startswith("20 steps took 20 s and got 6 s")


@pytest.mark.parametrize(("wall_s", "processor_s"), [(1, 1), (1, 1.9), (1, 0.7)])
def test_enough_is_not_said(wall_s: float, processor_s: float) -> None:
    machine = Machine()
    for _ in range(200):
        machine.work(wall_s, processor_s)
    assert not machine.said


def test_a_pause_is_not_said() -> None:
    machine = Machine()
    machine.work(5, 0.1)
    for _ in range(100):
        machine.work(1, 1)
    assert not machine.said


def test_every_training_step_is_watched() -> None:
    assert train_step.__wrapped__.__name__ == "train_step"
