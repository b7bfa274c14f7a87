"""The zoo: `python -m experiments.zoo.run [NETWORK …]`, in the zoo's own environment.

Each network is judged in a child process (`children.py`), and its row is written when it ends. A
run that was stopped goes on where it was; rows that other code made are made again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from experiments.zoo import results
from experiments.zoo.children import judged
from experiments.zoo.networks import Network, zoo
from experiments.zoo.packages import prepare
from experiments.zoo.results import Row
from netadapt.graph import trace

OUT = Path(__file__).parent / "results.csv"


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
    codes = {network.name: results.code_of(network.definition) for network in networks}
    done = {name for name, row in rows.items() if row.code == codes.get(name) and not given.again}
    waiting = [network for network in networks if network.name not in done]
    found = judged(waiting, given.seed, pruning=not given.alone, jobs=given.jobs)
    for number, row in enumerate(found, 1):
        rows[row.network] = replace(row, code=codes[row.network])
        results.write([rows[name] for name in everything if name in rows], given.out)
        print(f"{number}/{len(waiting)} {line(row)}", flush=True)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", help="only those whose name holds one of these")
    parser.add_argument("--again", action="store_true", help="those too that are done")
    parser.add_argument("--alone", action="store_true", help="without torch-pruning")
    parser.add_argument("--jobs", type=int, default=1, help="so many networks at a time")
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
