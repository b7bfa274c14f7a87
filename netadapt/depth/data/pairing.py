"""Finds which image files of a folder are an RGB image and its depth, by their names.

Only names are looked at: the words in a path say which is depth (`depth`, …), what is left of it
when the words and the extension are taken away says which belong together. Reading the files is
left to `rgbd_import`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netadapt.errors import DataError

RGB_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp"})
DEPTH_SUFFIXES = frozenset({".png", ".pgm", ".tif", ".tiff"})
RGB_WORDS = frozenset({"color", "colors", "colour", "colours", "rgb", "image", "images", "img"})
DEPTH_WORDS = frozenset({"depth", "depths", "depthmap", "depthmaps"})

Key = tuple[tuple[int, int | str], ...]


@dataclass(frozen=True, slots=True)
class ImagePair:
    """An RGB image file and its depth image file."""

    rgb: Path
    depth: Path


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs of a folder in natural order, and the images that have no partner."""

    pairs: tuple[ImagePair, ...]
    alone: tuple[Path, ...] = ()


def find_pairs(
    folder: Path | str, rgb_glob: str | None = None, depth_glob: str | None = None
) -> Pairing:
    """Pair the images below `folder` by name, or those of two globs in natural order.

    Names pair when they are the same but for words like `color` and `depth` and for leading
    zeros: `frame-7.color.jpg` with `frame-7.depth.png`, `color/1.png` with `depth/00001.pgm`.
    Numbers sort as numbers. Raises DataError when nothing pairs, a name fits twice, or only one
    glob is given.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; expected one with RGB and depth images")
    if (rgb_glob is None) != (depth_glob is None):
        raise DataError("--rgb and --depth go together: give both globs or none")
    if rgb_glob is not None and depth_glob is not None:
        return _pairs_of_globs(root, rgb_glob, depth_glob)
    return _pairs_by_name(root)


def _pairs_of_globs(root: Path, rgb_glob: str, depth_glob: str) -> Pairing:
    rgb, depth = _files(root, rgb_glob), _files(root, depth_glob)
    if not rgb or len(rgb) != len(depth):
        raise DataError(
            f"{root}: --rgb '{rgb_glob}' finds {len(rgb)} files and --depth '{depth_glob}' "
            f"{len(depth)}; expected as many of each, at least one"
        )
    return Pairing(tuple(ImagePair(*pair) for pair in zip(rgb, depth, strict=True)))


def _files(root: Path, pattern: str) -> list[Path]:
    try:
        found = [path for path in root.glob(pattern) if path.is_file()]
    except (ValueError, NotImplementedError) as error:
        raise DataError(f"'{pattern}' is not a glob below {root} ({error})") from error
    return sorted(found, key=lambda path: (_key(path, root, frozenset()), str(path)))


def _pairs_by_name(root: Path) -> Pairing:
    images = [
        path
        for path in root.rglob("*")
        if path.suffix.lower() in RGB_SUFFIXES | DEPTH_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    depth = {path for path in images if _words(path, root) & DEPTH_WORDS}
    rgb = {path for path in images if path not in depth and path.suffix.lower() in RGB_SUFFIXES}
    rgb_by_key = _by_key(rgb, root, RGB_WORDS)
    depth_by_key = _by_key(
        [path for path in depth if path.suffix.lower() in DEPTH_SUFFIXES], root, DEPTH_WORDS
    )
    keys = sorted(rgb_by_key.keys() & depth_by_key.keys())
    if not keys:
        raise DataError(
            f"{root}: no RGB image pairs with a depth image by name ({len(rgb)} RGB and "
            f"{len(depth)} depth images seen); say which they are with --rgb GLOB --depth GLOB"
        )
    pairs = []
    for key in keys:
        for matches in (rgb_by_key[key], depth_by_key[key]):
            if len(matches) > 1:
                both = " and ".join(str(path.relative_to(root)) for path in sorted(matches)[:2])
                raise DataError(
                    f"{root}: {both} would belong to the same pair; "
                    f"say which to take with --rgb GLOB --depth GLOB"
                )
        pairs.append(ImagePair(rgb_by_key[key][0], depth_by_key[key][0]))
    paired = {path for pair in pairs for path in (pair.rgb, pair.depth)}
    return Pairing(tuple(pairs), tuple(sorted((rgb | depth) - paired)))


def _by_key(
    paths: Sequence[Path] | set[Path], root: Path, words: frozenset[str]
) -> dict[Key, list[Path]]:
    """Paths by what is left of their names; one that says its role wins over one that doesn't."""
    found: dict[Key, list[Path]] = {}
    for path in paths:
        found.setdefault(_key(path, root, words), []).append(path)
    for key, matches in found.items():
        if len(matches) > 1:
            found[key] = [path for path in matches if _words(path, root) & words] or matches
    return found


def _tokens(path: Path, root: Path) -> list[str]:
    name = path.relative_to(root).with_suffix("").as_posix()
    return re.findall(r"[^\W\d_]+|\d+", name.lower())


def _words(path: Path, root: Path) -> set[str]:
    return set(_tokens(path, root))


def _key(path: Path, root: Path, leave_out: frozenset[str]) -> Key:
    """The name as numbers and words, in an order in which 2 comes before 10."""
    return tuple(
        (0, int(token)) if token.isdecimal() else (1, token)
        for token in _tokens(path, root)
        if token not in leave_out
    )
