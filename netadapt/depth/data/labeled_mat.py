"""NYU Depth v2's labelled set as its authors publish it: `nyu_depth_v2_labeled.mat`, 2.8 GB.

A MATLAB 7.3 file is HDF5 with every array's axes reversed:

    images      uint8 (1449, 3, 640, 480): image, colour, column, row
    depths      float32 (1449, 640, 480) metres, aligned to RGB, its holes filled
    scenes      (1, 1449) references to the names of the scenes, uint16 code units each

The official split is in a second file, which `mat_splits` reads. Source: Silberman, Hoiem, Kohli
and Fergus, Indoor segmentation and support inference from RGBD images, ECCV 2012.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from netadapt.depth.data.base import MOST_PIXELS, Depth, Frame, Rgb, check_pair
from netadapt.depth.data.focal_length import NYU_FOCAL_HEIGHTS
from netadapt.depth.data.outside_hdf5 import check_own, hdf5_faults, held_by, outside_array
from netadapt.errors import DataError, in_words
from netadapt.extras import needed

h5py = needed("h5py", "depth")

MAT_URL = "http://horatio.cs.nyu.edu/mit/silberman/nyu_depth_v2/nyu_depth_v2_labeled.mat"

BLOCK_BYTES = 64 << 20
"""Read at a time. A compressed file is stored in chunks of many images, each a part of them: to
read images one by one would unpack every chunk as many times."""


MOST_IMAGES = 1_000_000
MOST_NAME_CHARACTERS = 1024


class LabeledMat:
    """The pairs of a labelled file, as a depth source; its images are read in their order.

    Closed by the end of a `with` block. Raises DataError when the file can't be opened or hasn't
    the arrays above, in their axes' order; of any size and number of images.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        with _faults(self.path):
            self._file = h5py.File(self.path, "r")
        try:
            with _faults(self.path):
                self._images = self._array("images", "u1", ("images", "3", "width", "height"))
                self._depths = self._array("depths", "f", ("images", "width", "height"))
                self._check_shapes()
                self.scenes = self._scene_names()
        except BaseException:
            self._file.close()
            raise
        self.names = [f"{number:05d}" for number in range(1, len(self._depths) + 1)]
        self._block: tuple[int, npt.NDArray[np.uint8], npt.NDArray[np.floating[Any]]] | None = None

    def __enter__(self) -> LabeledMat:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> tuple[Rgb, Depth]:
        """Pair `index` as rgb [3, H, W] and depth [H, W]. Raises DataError naming the image."""
        first, images, depths = self._block_of(index)
        rgb = np.ascontiguousarray(images[index - first].transpose(0, 2, 1))
        depth = np.ascontiguousarray(depths[index - first].T)
        return check_pair(rgb, depth, f"{self.path}: image {index + 1}")

    def read_frame(self, index: int) -> Frame:
        """Pair `index` with the focal length of NYU's camera."""
        rgb, depth = self.read(index)
        return Frame(rgb, depth, NYU_FOCAL_HEIGHTS * depth.shape[0])

    def _block_of(
        self, index: int
    ) -> tuple[int, npt.NDArray[np.uint8], npt.NDArray[np.floating[Any]]]:
        """The block of images that `index` is in, kept until another is asked for."""
        count = self._images_a_block()
        first = index // count * count
        if self._block is None or self._block[0] != first:
            self._block = None  # two blocks at once would take twice the memory
            try:
                wanted = slice(first, min(first + count, len(self)))
                self._block = (first, self._images[wanted], self._depths[wanted])
            except Exception as error:  # a damaged file raises nearly anything
                raise DataError(
                    f"{self.path}: images from {first + 1} on cannot be read ({in_words(error)}); "
                    f"download it again"
                ) from error
        return self._block

    def _images_a_block(self) -> int:
        """As many as a chunk holds, so that each is unpacked once, within BLOCK_BYTES."""
        arrays = (self._images, self._depths)
        a_pair: int = sum(
            math.prod(array.shape[1:]) * int(array.dtype.itemsize) for array in arrays
        )
        chunk = max(int((array.chunks or (1,))[0]) for array in arrays)
        return max(1, min(chunk, BLOCK_BYTES // a_pair))

    def _array(self, key: str, kind: str, axes: Sequence[str]) -> Any:
        if key not in self._file.keys():  # noqa: SIM118
            raise DataError(
                f"{self.path}: no array '{key}' in it, it holds {held_by(self._file)}; expected "
                f"nyu_depth_v2_labeled.mat, from {MAT_URL}"
            )
        array = outside_array(self._file, key, self.path)
        if array.ndim != len(axes) or 0 in array.shape:
            raise DataError(
                f"{self.path}: '{key}' has shape {array.shape}, expected ({', '.join(axes)})"
            )
        if not array.dtype.str[1:].startswith(kind):
            expected = "uint8" if kind == "u1" else "float32 in metres"
            raise DataError(f"{self.path}: '{key}' is {array.dtype}, expected {expected}")
        return array

    def _check_shapes(self) -> None:
        images, depths = self._images.shape, self._depths.shape
        if images[0] > MOST_IMAGES or images[-1] * images[-2] > MOST_PIXELS:
            raise DataError(
                f"{self.path}: 'images' has shape {images}, more than such a file holds; expected "
                f"nyu_depth_v2_labeled.mat, from {MAT_URL}"
            )
        if images[1] != 3:
            raise DataError(
                f"{self.path}: 'images' has shape {images}, expected (images, 3, width, height) "
                f"as MATLAB writes it"
            )
        if depths != (images[0], *images[2:]):
            raise DataError(
                f"{self.path}: 'depths' has shape {depths}, expected {(images[0], *images[2:])} "
                f"as 'images', {images}, has"
            )
        if images[2] < images[3]:
            raise DataError(
                f"{self.path}: 'images' has shape {images}, which lies on its side; expected "
                f"width before height, (images, 3, 640, 480), as MATLAB writes it"
            )

    def _scene_names(self) -> list[str]:
        count = len(self._depths)
        if "scenes" not in self._file.keys():  # noqa: SIM118
            raise DataError(f"{self.path}: no array 'scenes' in it; {_SCENES_EXPECTED}")
        references = outside_array(self._file, "scenes", self.path)
        if references.size != count or h5py.check_ref_dtype(references.dtype) is not h5py.Reference:
            raise DataError(
                f"{self.path}: 'scenes' is {references.shape} {references.dtype} beside {count} "
                f"images; {_SCENES_EXPECTED}"
            )
        return [
            self._text(reference, number)
            for number, reference in enumerate(references[()].ravel(), start=1)
        ]

    def _text(self, reference: Any, number: int) -> str:
        try:
            named = self._file[reference]
            check_own(named, "scenes", self.path)
            if named.size > MOST_NAME_CHARACTERS:
                raise ValueError(f"it has {named.size} characters")
            units = np.asarray(named[()]).ravel()
            return units.astype("<u2", casting="same_kind").tobytes().decode("utf-16-le")
        except (ValueError, KeyError, TypeError, OSError, RuntimeError, AttributeError) as error:
            raise DataError(
                f"{self.path}: the scene of image {number} is a reference to no name "
                f"({in_words(error)}); {_SCENES_EXPECTED}"
            ) from error


_SCENES_EXPECTED = "expected a reference to a scene's name for each image"


_faults = partial(
    hdf5_faults,
    kind="MATLAB 7.3, which is HDF5",
    advice=f"is it cut short? Expected nyu_depth_v2_labeled.mat, 2.8 GB, from {MAT_URL}",
)
