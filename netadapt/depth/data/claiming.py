"""A folder that a long job fills: claimed before, recognised again when the job was interrupted.

The claim is a small JSON file that says what the folder is being filled with. It is removed when
the job is finished, so that a folder is either claimed, finished or somebody else's. Who claims
holds the folder's lock.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netadapt.errors import DataError
from netadapt.files import clear_half_written_of, holds_others, write_text


def claim(folder: Path, claim_file: str, finished_file: str, plan: dict[str, Any]) -> None:
    """Make `folder` ours by writing `plan` into it, or find that it is ours from before.

    Raises DataError when the folder holds a finished set (`finished_file`), another plan, or
    anything else; nothing in it is touched then.
    """
    text = _text(plan)
    path = folder / claim_file
    if path.is_file():
        if path.read_text(encoding="utf-8") != text:
            raise DataError(
                f"{folder}: holds the beginnings of another data set (see {claim_file}); "
                f"remove it or choose another folder"
            )
        return
    if (folder / finished_file).exists():
        raise DataError(f"{folder}: holds a finished data set already; choose another folder")
    if holds_others(folder, claim_file):
        raise DataError(f"{folder}: exists and is not empty; choose another folder")
    clear_half_written_of(path)
    write_text(path, text)


def reclaim(folder: Path, claim_file: str, finished_file: str, plan: dict[str, Any]) -> None:
    """Claim a finished folder again, to add to it: from now on it is an interrupted job's."""
    write_text(folder / claim_file, _text(plan))
    (folder / finished_file).unlink()


def release(folder: Path, claim_file: str) -> None:
    """Take the claim back: the folder is finished."""
    (folder / claim_file).unlink(missing_ok=True)


def _text(plan: dict[str, Any]) -> str:
    return json.dumps(plan, indent=1) + "\n"
