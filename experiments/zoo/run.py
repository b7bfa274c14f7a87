"""The zoo: `python -m experiments.zoo.run [NETWORK …]`, in the zoo's own environment.

Each network runs in a child process with limits of time and memory; its row is written when it
ends. A run that was stopped goes on where it was; rows that other code made are made again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from experiments.zoo import netadapt_side, pruning_side, results
from experiments.zoo.check import one_line
from experiments.zoo.networks import Network, zoo
from experiments.zoo.packages import prepare
from experiments.zoo.results import Row
from netadapt.graph import trace

OUT = Path(__file__).parent / "results.csv"
CPU_LIMIT_S, TIME_LIMIT_S = 300, 1200
"""Of a network: processor seconds, and seconds of waiting on a machine that does other work."""
MEMORY_LIMIT = 12 * 2**30


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parse(arguments)
    everything = zoo()
    networks = chosen(everything, given.networks)
    if not networks:
        print(f"no network is called {' or '.join(given.networks)}", file=sys.stderr)
        return 2
    rows = results.read(given.out)
    prepare()
    _warm_up()
    for number, network in enumerate(networks, 1):
        code = results.code_of(network.definition)
        done = rows.get(network.name)
        if done is not None and done.code == code and not given.again:
            continue
        start = time.monotonic()
        row = replace(in_child(network, given.seed, pruning=not given.alone), code=code)
        rows[network.name] = row
        results.write([rows[name] for name in everything if name in rows], given.out)
        print(
            f"{number}/{len(networks)} {line(row)} ({time.monotonic() - start:.0f} s)", flush=True
        )
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", help="only those whose name holds one of these")
    parser.add_argument("--again", action="store_true", help="those too that are done")
    parser.add_argument("--alone", action="store_true", help="without torch-pruning")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    return parser.parse_args(arguments)


def chosen(networks: dict[str, Network], wanted: Sequence[str]) -> list[Network]:
    """Those called as one of `wanted`, else those whose name holds one; all where it is empty."""
    exact = [networks[name] for name in wanted if name in networks]
    parts = [word for word in wanted if word not in networks]
    holding = [n for name, n in networks.items() if any(word in name for word in parts)]
    return [*exact, *holding] if wanted else list(networks.values())


def _warm_up() -> None:
    """What a first trace imports and compiles isn't any network's time."""
    torch.set_num_threads(1)
    trace(torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()), torch.rand(1, 3, 8, 8))


def in_child(network: Network, seed: int, *, pruning: bool) -> Row:
    """The row of a network, from a process that may die."""
    row = Row(network.name, network.family)
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    child = fork.Process(target=_work, args=(sender, network, seed, pruning))
    child.start()
    sender.close()
    kind, message = "timeout", f"no end within {TIME_LIMIT_S} s"
    finished = False
    end = time.monotonic() + TIME_LIMIT_S
    try:
        while not finished and receiver.poll(max(0.0, end - time.monotonic())):
            state, finished = receiver.recv()
            row = Row(**state)
    except EOFError:
        child.join()
        if child.exitcode == -signal.SIGXCPU:
            message = f"no end within {CPU_LIMIT_S} processor seconds"
        else:
            kind, message = "crash", f"the process died with exit code {child.exitcode}"
    child.kill()
    child.join()
    if finished:
        return row
    if row.verdict:  # so it was torch-pruning's turn
        return replace(row, tp_verdict=kind, tp_message=message)
    return replace(row, verdict=kind, message=message)


def _work(sender: Connection, network: Network, seed: int, pruning: bool) -> None:
    """In the child: netadapt's part of the row first, so that it is there if the rest dies."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S + 5))
    row = Row(network.name, network.family)
    judge = None
    try:
        judge = netadapt_side.fill(row, network, seed)
    except Exception as error:
        row.verdict, row.message = "crash", f"zoo: {one_line(error)}"
    sender.send((asdict(row), not pruning or judge is None))
    if pruning and judge is not None:
        try:
            pruning_side.fill(row, judge, seed)
        except Exception as error:
            row.tp_verdict, row.tp_message = "crash", f"zoo: {one_line(error)}"
        sender.send((asdict(row), True))


def line(row: Row) -> str:
    """A row in short."""
    numbers = [
        f"traced in {row.trace_s:.1f} s" if row.trace_s is not None else "",
        f"{row.cuttable_percent:.1f} % cuttable" if row.cuttable_percent is not None else "",
        f"error {row.largest_error:.1g}" if row.largest_error is not None else "",
        f"MACs x {row.macs_ratio:.3f}" if row.macs_ratio is not None else "",
        f"torch-pruning {row.tp_verdict}" if row.tp_verdict else "",
        row.message,
    ]
    return f"{row.network}: {row.verdict}, " + ", ".join(number for number in numbers if number)


if __name__ == "__main__":
    sys.exit(main())
