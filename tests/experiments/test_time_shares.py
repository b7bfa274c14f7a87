"""A search's seconds are counted where they were spent, each once."""

from __future__ import annotations

from experiments.search.time_shares import ITERATIONS, SET_UP, Clock


def test_an_inner_phase_takes_its_time_out_of_the_outer_one() -> None:
    now = [0.0]
    clock = Clock(lambda: now[0], lambda: 2 * now[0])

    def spend(seconds: float) -> None:
        now[0] += seconds

    spend(1)
    with clock.phase("tracing", whole=True):
        spend(2)
        with clock.phase("forward"):  # a trace runs the network too
            spend(4)
    clock.begin(ITERATIONS)
    with clock.phase("saliency sums"):
        spend(8)
        with clock.phase("forward"), clock.phase("forward"):  # a module calls others
            spend(16)
    spend(32)
    clock.end()
    assert clock.wall == {
        (SET_UP, "rest"): 1,
        (SET_UP, "tracing"): 6,
        (ITERATIONS, "rest"): 32,
        (ITERATIONS, "saliency sums"): 8,
        (ITERATIONS, "forward"): 16,
    }
    assert clock.cpu == {key: 2 * seconds for key, seconds in clock.wall.items()}
