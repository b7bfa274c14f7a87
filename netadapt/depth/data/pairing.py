"""Finds which image files of a folder are an RGB image and its depth, by their names.

Only names are looked at: the words in a path say which is depth (`depth`, …), what is left of it
when the words and the extension are taken away says which belong together; names that are times go
to `time_pairing`, a list of pairs to `association_file`. Reading the images is left to
`rgbd_import`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from netadapt.depth.data.association_file import read_associations, usual_file
from netadapt.depth.data.time_pairing import (
    MOST_APART_S,
    are_timed,
    furthest_apart,
    pair_by_time,
)
from netadapt.errors import DataError

RGB_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp"})
DEPTH_SUFFIXES = frozenset({".png", ".pgm", ".tif", ".tiff"})
RGB_WORDS = frozenset({"color", "colors", "colour", "colours", "rgb", "image", "images", "img"})
DEPTH_WORDS = frozenset({"depth", "depths", "depthmap", "depthmaps"})
ALIGNED_WORDS = frozenset({"aligned", "registered"})
"""Of depth images that lie on RGB's pixels, beside some that don't."""

LONGEST_NUMBER = 1000
"""Digits; what has more is no number of an image's, and Python takes at most 4300 as one."""

LEAST_NUMBERED = 0.5
"""Share of the fewer images whose numbers must be on both sides for numbers to pair them."""

_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_ENDING = re.compile(r"(?<=[^/])\.[^./]+$")
"""As pathlib's `suffix`: no dot that begins or ends a name."""

_ROLES = RGB_WORDS | DEPTH_WORDS | ALIGNED_WORDS | {"to"}

Key = tuple[tuple[int, int | str], ...]


@dataclass(frozen=True, slots=True)
class ImagePair:
    """An RGB image file and its depth image file."""

    rgb: Path
    depth: Path


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs of a folder in natural order, and the images that have no partner.

    `notes` say what the names gave away; `timed` that they are times.
    """

    pairs: tuple[ImagePair, ...]
    alone: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    timed: bool = False


def find_pairs(
    folder: Path | str,
    rgb_glob: str | None = None,
    depth_glob: str | None = None,
    associations: Path | None = None,
) -> Pairing:
    """Pair the images below `folder` by name, those of two globs, or those of a list.

    Names pair when they are the same but for words like `color` and `depth` and for leading
    zeros: `frame-7.color.jpg` with `frame-7.depth.png`, `color/1.png` with `depth/00001.pgm`.
    Numbers sort as numbers. Where all names are times, the nearest in time pair. Where some depth
    images are `aligned`, they alone count. Globs may also pair by the numbers in the names, or,
    where these say nothing, in natural order. `associations` is a list as TUM's; one that lies in
    `folder` under its usual name is taken when no glob is given.

    Raises DataError when nothing pairs, a name fits twice, or only one glob is given.
    """
    root = Path(folder)
    if not root.is_dir():
        what = "a file" if root.is_file() else "no such folder"
        raise DataError(f"{root}: {what}; expected a folder with RGB and depth images")
    if (rgb_glob is None) != (depth_glob is None):
        raise DataError("--rgb and --depth go together: give both globs or none")
    if rgb_glob is not None and depth_glob is not None:
        if associations is not None:
            raise DataError("--associations names the images itself: leave --rgb and --depth out")
        return _pairs_of_globs(root, rgb_glob, depth_glob)
    listed = associations or usual_file(root)
    if listed is not None:
        return _pairs_of_a_list(root, listed)
    return _pairs_by_name(root)


def name_key(path: Path, root: Path) -> Key:
    """What is left of a file's path below `root` without its ending, its role and leading zeros.

    Equal for the two images of a pair.
    """
    return written_key(_below(path, root))


def written_key(name: str) -> Key:
    """`name_key` of a path that is written relative to the folder, with its ending."""
    return _key(name, _ROLES)


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder by their names, in natural order: no depth images, no hidden files.

    Raises DataError when there is none.
    """
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in RGB_SUFFIXES
        and path.name[0] != "."
        and path.is_file()
        and not _words(path, folder) & DEPTH_WORDS
    ]
    if not found:
        raise DataError(
            f"{folder}: no pictures in it; expected files that end in "
            f"{', '.join(sorted(RGB_SUFFIXES))}"
        )
    return sorted(found, key=lambda path: (_key(_below(path, folder), frozenset()), str(path)))


def _pairs_of_a_list(root: Path, file: Path) -> Pairing:
    listed = read_associations(file, root, DEPTH_WORDS)
    pairs = tuple(ImagePair(*pair) for pair in listed)
    note = f"{len(pairs)} pairs as {file} lists them"
    timed = are_timed([path for pair in listed for path in pair])
    if timed:
        note += f", at most {furthest_apart(listed) * 1e3:.1f} ms apart by the times in their names"
    return Pairing(pairs, notes=(note,), timed=timed)


def _pairs_of_globs(root: Path, rgb_glob: str, depth_glob: str) -> Pairing:
    rgb, depth = _files(root, rgb_glob), _files(root, depth_glob)
    if are_timed(rgb) and are_timed(depth):
        return _pairs_by_time(root, rgb, depth)
    numbered = _pairs_by_number(rgb, depth)
    if numbered is not None:
        return numbered
    if not rgb or len(rgb) != len(depth):
        raise DataError(
            f"{root}: --rgb '{rgb_glob}' finds {len(rgb)} files and --depth '{depth_glob}' "
            f"{len(depth)}; expected as many of each, at least one"
        )
    return Pairing(tuple(ImagePair(*pair) for pair in zip(rgb, depth, strict=True)))


def _pairs_by_number(rgb: Sequence[Path], depth: Sequence[Path]) -> Pairing | None:
    """By the numbers in the files' names; None where these say nothing, or nothing new.

    Raises DataError where a few are on both sides: then neither they nor the order can be trusted.
    """
    of_rgb, of_depth = ({_numbers(path): path for path in paths} for paths in (rgb, depth))
    shared = [numbers for numbers in of_rgb if numbers and numbers in of_depth]
    if not shared or len(of_rgb) < len(rgb) or len(of_depth) < len(depth):
        return None
    pairs = tuple(ImagePair(of_rgb[numbers], of_depth[numbers]) for numbers in shared)
    if len(shared) < LEAST_NUMBERED * min(len(rgb), len(depth)):
        first = pairs[0]
        raise DataError(
            f"{first.rgb.name} and {first.depth.name} have the same number, but only "
            f"{len(shared)} of {len(rgb)} RGB and {len(depth)} depth images have one in common: "
            f"list the pairs with --associations FILE"
        )
    alone = _without_partner(pairs, (*rgb, *depth))
    return Pairing(pairs, alone, ("paired by the numbers in their names",) if alone else ())


def _numbers(path: Path) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", path.with_suffix("").name))


def _pairs_by_time(root: Path, rgb: Sequence[Path], depth: Sequence[Path]) -> Pairing:
    """Each recording by itself: times may begin at zero in each."""
    rgb_by, depth_by = _by_folder(root, rgb, depth)
    names = sorted(rgb_by.keys() & depth_by.keys())
    found = [pair_by_time(rgb_by[name], depth_by[name]) for name in names]
    pairs = tuple(ImagePair(*pair) for one in found for pair in one.pairs)
    late = [one.late_s for one in found if abs(one.late_s) > MOST_APART_S]
    if not pairs:
        raise DataError(
            f"{root}: no RGB image is within {MOST_APART_S * 1e3:.0f} ms of a depth image, by the "
            f"times in their names; depth comes {late[0]:.3g} s after the nearest RGB image: "
            f"set the clocks right, or list the pairs with --associations FILE"
        )
    furthest = max(one.furthest_s for one in found)
    note = f"paired by the times in their names, at most {furthest * 1e3:.1f} ms apart"
    if late:
        note += (
            f"; only {len(pairs)} of {len(depth)} depth images have an RGB image that near, most "
            f"are {abs(late[0]):.2g} s off: did the clocks differ?"
        )
    alone = _without_partner(pairs, sorted((*rgb, *depth)))
    return Pairing(pairs, alone, (note,), timed=True)


def _by_folder(root: Path, *kinds: Sequence[Path]) -> list[dict[Key, list[Path]]]:
    """Each kind by its folder's name without words of its role; all as one where none is shared."""
    found: list[dict[Key, list[Path]]] = []
    for paths in kinds:
        by: dict[Key, list[Path]] = {}
        for path in paths:
            by.setdefault(name_key(path.with_name("_"), root), []).append(path)
        found.append(by)
    if all(set(by) & set(found[0]) for by in found):
        return found
    return [{(): list(paths)} for paths in kinds]


def _files(root: Path, pattern: str) -> list[Path]:
    try:
        found = [path for path in root.glob(pattern) if path.is_file()]
    except (ValueError, NotImplementedError) as error:
        raise DataError(f"'{pattern}' is not a glob below {root} ({error})") from error
    return sorted(found, key=lambda path: (_key(_below(path, root), frozenset()), str(path)))


def _pairs_by_name(root: Path) -> Pairing:
    images = [
        path
        for path in root.rglob("*")
        if path.suffix.lower() in RGB_SUFFIXES | DEPTH_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    all_depth = {path for path in images if _words(path, root) & DEPTH_WORDS}
    rgb = {path for path in images if path not in all_depth and path.suffix.lower() in RGB_SUFFIXES}
    depth = {path for path in all_depth if path.suffix.lower() in DEPTH_SUFFIXES}
    aligned = {path for path in depth if _words(path, root) & ALIGNED_WORDS}
    notes: tuple[str, ...] = ()
    if aligned:
        if aligned != depth:
            notes = (f"took the {len(aligned)} aligned depth images, not the others",)
        depth = all_depth = aligned
    if are_timed(list(rgb)) and are_timed(list(depth)):
        return _with_notes(_pairs_by_time(root, sorted(rgb), sorted(depth)), notes)
    rgb_by_key = _by_key(rgb, root, RGB_WORDS)
    depth_by_key = _by_key(depth, root, DEPTH_WORDS)
    keys = sorted(rgb_by_key.keys() & depth_by_key.keys())
    if not keys:
        raise DataError(
            f"{root}: no RGB image pairs with a depth image by name ({len(rgb)} RGB and "
            f"{len(all_depth)} depth images seen); say which they are with --rgb GLOB --depth GLOB"
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
    return Pairing(tuple(pairs), _without_partner(pairs, sorted(rgb | all_depth)), notes)


def _without_partner(pairs: Iterable[ImagePair], images: Iterable[Path]) -> tuple[Path, ...]:
    """Those of `images` that are in no pair, in the order given."""
    paired = {path for pair in pairs for path in (pair.rgb, pair.depth)}
    return tuple(path for path in images if path not in paired)


def _with_notes(pairing: Pairing, notes: tuple[str, ...]) -> Pairing:
    return replace(pairing, notes=notes + pairing.notes)


def _by_key(
    paths: Sequence[Path] | set[Path], root: Path, words: frozenset[str]
) -> dict[Key, list[Path]]:
    """Paths by what is left of their names; one with `words` of its role wins over one without."""
    found: dict[Key, list[Path]] = {}
    for path in paths:
        found.setdefault(name_key(path, root), []).append(path)
    for key, matches in found.items():
        if len(matches) > 1:
            found[key] = [path for path in matches if _words(path, root) & words] or matches
    return found


def _below(path: Path, root: Path) -> str:
    """The path below `root`, as text: pathlib's own takes long, and there may be a million
    of them."""
    above, name = root.as_posix(), path.as_posix()
    above = "" if above == "." else f"{above.rstrip('/')}/"
    return name[len(above) :] if name.startswith(above) else path.relative_to(root).as_posix()


def _tokens(name: str) -> list[str]:
    return _TOKEN.findall(_ENDING.sub("", name).lower())


def _words(path: Path, root: Path) -> set[str]:
    return set(_tokens(_below(path, root)))


def _key(name: str, leave_out: frozenset[str]) -> Key:
    """The name as numbers and words, in an order in which 2 comes before 10."""
    folder, _, last = name.rpartition("/")
    own = _key_of(_tokens(last), leave_out)
    return _folder_key(folder, leave_out) + own if folder else own


@lru_cache(maxsize=1024)
def _folder_key(folder: str, leave_out: frozenset[str]) -> Key:
    return _key_of(_TOKEN.findall(folder.lower()), leave_out)


def _key_of(tokens: Iterable[str], leave_out: frozenset[str]) -> Key:
    return tuple(
        (0, int(token)) if token.isdecimal() and len(token) <= LONGEST_NUMBER else (1, token)
        for token in tokens
        if token not in leave_out
    )
