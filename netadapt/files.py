"""Writing files and folders so that nobody ever sees half of one.

Every writer in netadapt goes through `atomic_path` or `atomic_folder`: something temporary in the
same folder, then a rename. Rows that are added to a file are `journal.py`'s.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from netadapt.errors import OutputError
from netadapt.locks import LOCK


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it onto `path` when the block succeeds.

    The file is synced before the rename, so a crash leaves the old file or the new one, never a
    part. Raises OutputError, naming the file, when the disk is full or the folder not writable.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix
        )
        os.close(descriptor)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; free some space or choose another "
            f"folder, then run the command again"
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def clear_half_written(folder: Path, suffix: str) -> None:
    """Remove what killed processes left of files that `atomic_path` was to make below `folder`.

    Only for a folder that this process alone writes to; `suffix` is theirs, as '.npy'.
    """
    for file in folder.rglob(_half_written("*", suffix)):
        file.unlink(missing_ok=True)


def clear_half_written_of(path: Path) -> None:
    """Remove what killed processes left of the file at `path` alone, which nobody else writes."""
    for file in path.parent.glob(_half_written(path.stem, path.suffix)):
        file.unlink(missing_ok=True)


def holds_others(folder: Path, first: str) -> bool:
    """Whether a command that writes the file `first` before all else must leave `folder` alone.

    That is where a file is in its place, or others' files are in it. A command that was killed in
    its very first write leaves its lock and half of `first`: these are no other's.
    """
    if not folder.is_dir():
        return folder.exists()
    half_written = _half_written(Path(first).stem, Path(first).suffix)
    return any(
        file.name != LOCK and not fnmatch(file.name, half_written) for file in folder.iterdir()
    )


def _half_written(stem: str, suffix: str) -> str:
    """The glob of what `atomic_path` calls a file before it has its name."""
    return f".{stem}-*{suffix}"


@contextmanager
def atomic_folder(folder: Path | str, made_by: str) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; rename it to `folder` when the block succeeds.

    A folder that holds the file `made_by` is one of the same kind and is replaced. Raises
    OutputError when `folder` is anything else that isn't empty, or can't be written.
    """
    folder = Path(folder)
    replaced = (folder / made_by).is_file()
    if folder.exists() and not replaced and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} exists and has no {made_by}; choose another --out")
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        made = temporary / "new"
        made.mkdir()
        yield made
        if folder.exists():
            folder.rename(temporary / "old")
        made.rename(folder)
    except OSError as error:
        raise OutputError(
            f"cannot write {folder}: {error.strerror or error}; free some space or choose another "
            f"folder, then run the command again"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
