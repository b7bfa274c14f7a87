"""What kind of file weights come in, told by its first bytes and not by its name.

For a kind that no weights are read from here there is an advice that leads to one that they are.
Reading is left to `checkpoint_tensors`.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from netadapt.errors import WeightsError

SAFETENSORS, NPZ, PICKLED = "safetensors", "npz", "pickled"

_HEAD = 512
_LONGEST_HEADER = 100_000_000
"""Of safetensors, in bytes; the format's own limit."""

_SAVE = "save its weights where it can be loaded, and give that file: "
_BY_NAME = (
    "put its arrays under the network's own names and save them: "
    "torch.save({{'conv.weight': torch.tensor(array), …}}, 'weights.pth')"
)
_ADVICE = {
    "a TorchScript program": _SAVE
    + "torch.save(torch.jit.load({file!r}).state_dict(), 'weights.pth')",
    "a program of torch.export": _SAVE
    + "torch.save(torch.export.load({file!r}).state_dict, 'weights.pth')",
    "an ONNX graph": "its weights have no names of a PyTorch network; where it was exported, save "
    "them: torch.save(model.state_dict(), 'weights.pth')",
    "a MATLAB file": "read it with scipy.io.loadmat({file!r}) and " + _BY_NAME,
    "an HDF5 file, as Keras and MATLAB 7.3 write them": "read it with h5py.File({file!r}) and "
    + _BY_NAME,
    "a Keras model": "open it with keras.saving.load_model({file!r}) and " + _BY_NAME,
    "a single NumPy array": "a network has several; save them by name: "
    "numpy.savez('weights.npz', **{{'conv.weight': array, …}})",
    "a GGUF file": "it holds a language model's quantised weights, which no CNN here takes",
    "a pointer of Git LFS, not the file itself": "fetch it where it was cloned: git lfs pull",
    "a web page, not the file itself": "the download gave a page; download the file again",
    "a compressed file": "unpack it first",
    "empty": "not a checkpoint; copy or download it again",
}
"""What to do with a file that is this; `{file}` is its name."""


def holds_arrays(file: Path) -> bool:
    """Whether `file` is an archive of NumPy arrays, as numpy.savez writes it."""
    entries = _entries(file)
    return bool(entries) and all(name.endswith(".npy") for name in entries)


def weights_kind(file: Path) -> str:
    """SAFETENSORS, NPZ, or PICKLED where it may be a checkpoint of torch.save.

    Raises WeightsError for a file of another kind, with what to do, and one that can't be read.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
        size = file.stat().st_size
    except FileNotFoundError as error:
        raise WeightsError(f"there is no {file}") from error
    except OSError as error:
        raise WeightsError(f"cannot read {file}: {error.strerror or error}") from error
    if _is_safetensors(head, size):
        return SAFETENSORS
    zipped = head.startswith(b"PK")
    if zipped and holds_arrays(file):
        return NPZ
    entries = _entries(file) if zipped else []
    what = _zipped(entries) if entries else _foreign(head, file)
    if what is not None:
        raise WeightsError(f"{file} is {what}: {_ADVICE[what].format(file=str(file))}")
    return PICKLED


def _is_safetensors(head: bytes, size: int) -> bool:
    """Eight bytes with the length of the header, then the header, which is a JSON object."""
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 2 <= length <= min(size - 8, _LONGEST_HEADER)


def _entries(file: Path) -> list[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return []


def _zipped(entries: list[str]) -> str | None:
    names = {name.partition("/")[2] or name for name in entries} | set(entries)
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        return "a TorchScript program"
    if any("exported_program" in name or name == "archive_format" for name in names) or any(
        name.startswith("models/") and name.endswith(".json") for name in names
    ):
        return "a program of torch.export"
    if "model.weights.h5" in names:
        return "a Keras model"
    return None


def _foreign(head: bytes, file: Path) -> str | None:
    if not head:
        return "empty"
    starts = {
        b"MATLAB": "a MATLAB file",
        b"\x89HDF\r\n\x1a\n": "an HDF5 file, as Keras and MATLAB 7.3 write them",
        b"\x93NUMPY": "a single NumPy array",
        b"GGUF": "a GGUF file",
        b"version https://git-lfs": "a pointer of Git LFS, not the file itself",
        b"\x1f\x8b": "a compressed file",
        b"BZh": "a compressed file",
        b"\xfd7zXZ": "a compressed file",
        b"7z\xbc\xaf": "a compressed file",
        b"\x28\xb5\x2f\xfd": "a compressed file",
    }
    for start, what in starts.items():
        if head.startswith(start):
            return what
    if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page, not the file itself"
    # A message of protobuf: the version of ONNX, a small number, then the next field.
    onnx = head[:1] == b"\x08" and len(head) > 2 and head[1] < 32 and head[2] in b"\x12\x1a\x3a\x42"
    if onnx or file.suffix.lower() == ".onnx":
        return "an ONNX graph"
    return None
