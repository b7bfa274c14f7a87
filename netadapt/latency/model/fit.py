"""What fitting a table has to search for, and where it is kept for the next command.

The search takes seconds; with its result at hand an estimator is ready at once, and estimates the
same to the last bit. It is kept in the cache folder under a hash of all that it depends on: the
rows, the boards that teach, and the code of this room.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from netadapt.cache_folder import cache_folder
from netadapt.errors import InputError, OutputError
from netadapt.files import write_text
from netadapt.latency.model.gaussian_process import Hyperparameters
from netadapt.latency.model.other_boards import OtherBoards
from netadapt.latency.table.table import LookupTable
from netadapt.outside import outside_json_object


@dataclass(frozen=True)
class Fit:
    """What an estimator need not search for; what it has none of, it searches.

    By family: the hyperparameters, and how much the own rows count beside what other boards teach.
    `block`: how many channels the device's kernels take at once.
    """

    hyperparameters: Mapping[str, Hyperparameters] = field(default_factory=dict)
    block: int | None = None
    own_shares: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; numbers lose nothing."""
        families = {
            name: {key: _plain(value) for key, value in asdict(found).items()}
            for name, found in self.hyperparameters.items()
        }
        return {
            "hyperparameters": families,
            "block": self.block,
            "own_shares": dict(self.own_shares),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Fit:
        """What an estimator has searched, as `to_json` wrote it.

        Raises KeyError, TypeError or ValueError for anything else.
        """
        families = {
            name: Hyperparameters(
                lengths=np.array(found["lengths"], dtype=float),
                amplitude=float(found["amplitude"]),
                slope=float(found["slope"]),
                noise=np.array(found["noise"], dtype=float),
            )
            for name, found in dict(content["hyperparameters"]).items()
        }
        shares = {name: float(share) for name, share in dict(content["own_shares"]).items()}
        return cls(families, int(content["block"]), shares)


def kept_fit(file: Path) -> Fit | None:
    """What an earlier command has kept in `file`, which `fit_file` gives; None where none has."""
    try:
        content = outside_json_object(file, InputError)
        if content["sha256"] != _seal(content["fit"]):
            return None
        return Fit.from_json(content["fit"])
    except (InputError, KeyError, TypeError, ValueError):
        return None  # a damaged cache costs a search, no more


def keep_fit(fit: Fit, file: Path) -> None:
    """Keep what was found for the next command; a cache that can't be written is done without."""
    with suppress(OutputError):
        content = fit.to_json()
        write_text(file, json.dumps({"fit": content, "sha256": _seal(content)}))


def fit_file(table: LookupTable, boards: OtherBoards) -> Path | None:
    """Where the fit of a table is kept; None for a user without a cache folder."""
    parts = [table.hash, _code_hash(), *(board.table.hash for board in boards.boards)]
    digest = hashlib.sha256("".join(parts).encode()).hexdigest()
    try:
        return cache_folder() / "fits" / f"{digest}.json"
    except OutputError:
        return None


def _seal(content: Mapping[str, Any]) -> str:
    """Of a fit as JSON: a changed digit is still a number, and would be believed for ever."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@cache
def _code_hash() -> str:
    """Of the files beside this one: another version may search otherwise."""
    content = b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(content).hexdigest()


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
