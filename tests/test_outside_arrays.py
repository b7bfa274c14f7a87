"""NumPy's files from a stranger: their headers are no programs, and their sizes are the file's."""

from __future__ import annotations

import io
import resource
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from netadapt.errors import DataError
from netadapt.outside_arrays import arrays_of, mapped_array


def headed(path: Path, text: str, data: bytes = b"", version: bytes = b"\x01\x00") -> Path:
    """An .npy whose header is `text`."""
    size = len(text).to_bytes(2, "little")
    path.write_bytes(b"\x93NUMPY" + version + size + text.encode() + data)
    return path


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_is_mapped_as_it_was_saved(tmp_path: Path, order: str) -> None:
    values = np.asarray(np.arange(12, dtype=np.uint16).reshape(3, 4), order=order)
    np.save(tmp_path / "it.npy", values)
    found = mapped_array(tmp_path / "it.npy", DataError)
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, values)
    np.save(tmp_path / "it.npy", np.empty((0, 3)))
    assert mapped_array(tmp_path / "it.npy", DataError).shape == (0, 3)


def described(shape: str, descr: str = "'|u1'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (described("(1000000, 1000000)"), "it declares 1000000 x 1000000 of uint8"),
        (described(f"({1 << 62}, {1 << 62})"), "it declares"),
        (described("(-1, 4)"), "its shape is"),
        (described("(4,)", "'|O'"), "it holds object, expected plain numbers"),
        (described("(4,)", "[('a', 'u1')]"), "expected plain numbers"),
        (described("(4,)", "'<M8[s]'"), "expected plain numbers"),
        ("(" * 3000 + "\n", "cannot be mapped"),
        ("{'descr': __import__('os').abort(), }\n", "cannot be mapped"),
        (described("(4,)") + " " * 5000, "cannot be mapped"),
        ("", "cannot be mapped"),
    ],
)
def test_a_header_that_declares_what_is_not_there_is_refused(
    tmp_path: Path, header: str, message: str
) -> None:
    path = headed(tmp_path / "it.npy", header, b"abcd")
    with pytest.raises(DataError, match=message) as refused:
        mapped_array(path, DataError, "pack it again")
    assert str(refused.value).endswith("; pack it again")


def zipped(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def saved(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    npy.write_array(stream, values)
    return stream.getvalue()


def test_arrays_of_an_archive_come_by_their_names(tmp_path: Path) -> None:
    arrays = {"a.weight": np.arange(6.0).reshape(2, 3), "b": np.float32(3)}
    np.savez_compressed(tmp_path / "it.npz", **arrays)
    found = arrays_of(tmp_path / "it.npz", DataError, "arrays")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lying = zipped(tmp_path / "a.npz", {"a.npy": saved(np.zeros(4))[:80] + b"x" * 100})
    with pytest.raises(DataError, match=r"cannot read .*; expected arrays"):
        arrays_of(lying, DataError, "arrays")
    content = bytearray(zipped(tmp_path / "b.npz", {"a.npy": saved(np.zeros(4))}).read_bytes())
    listed = content.rfind(b"PK\x01\x02")
    content[listed + 24 : listed + 28] = (0xF0000000).to_bytes(4, "little")
    (tmp_path / "b.npz").write_bytes(content)
    with pytest.raises(DataError, match="unpacks to 4,026,531,840 bytes"):
        arrays_of(tmp_path / "b.npz", DataError, "arrays")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
