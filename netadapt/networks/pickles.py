"""Reads files that `torch.save` wrote, without running anything that is in them.

A pickle names functions and classes and calls them. Here every name is looked up in a fixed list,
and in that of the network's own classes which the caller gives, and stands for something inert of
our own: no module is imported, no function of torch is called while unpickling, and any other name
ends the reading. What comes out is dictionaries, numbers, `StandIn` objects that only hold state,
and `TensorRecord`s that become tensors when asked. What the contents mean is for the network's
family to say.
"""

from __future__ import annotations

import math
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, NoReturn

import torch
from torch import Tensor

from netadapt.errors import WeightsError, in_words
from netadapt.networks.pickle_bounds import check_pickle

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001

_STORAGE_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}

MOST_COPIES = 8
"""How often a checkpoint may hold the same data under other names, weights that are tied for one.
"""

ClassNames = Mapping[str, tuple[str, ...]]
"""Names of classes by the module that a pickle has them from."""

_STAND_INS: ClassNames = {
    "argparse": ("Namespace",),
    "pathlib": ("Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"),
    "pathlib._local": ("Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath"),
    "torch.torch_version": ("TorchVersion",),
    "torch": (
        "device",
        "bfloat16",
        *(f"{kind}{bits}" for kind in ("int", "float") for bits in (16, 32, 64)),
    ),
    "torch.nn.backends.thnn": ("_get_thnn_function_backend",),
    "torch.nn.modules.activation": ("ReLU", "ReLU6", "LeakyReLU", "Hardtanh", "Sigmoid"),
    "torch.nn.modules.batchnorm": ("BatchNorm1d", "BatchNorm2d", "SyncBatchNorm"),
    "torch.nn.modules.container": ("Sequential", "ModuleList", "ModuleDict"),
    "torch.nn.modules.conv": ("Conv2d", "ConvTranspose2d"),
    "torch.nn.modules.dropout": ("Dropout", "Dropout2d"),
    "torch.nn.modules.linear": ("Linear", "Identity"),
    "torch.nn.modules.loss": ("L1Loss", "MSELoss", "CrossEntropyLoss"),
    "torch.nn.modules.padding": ("ZeroPad2d",),
    "torch.nn.modules.pixelshuffle": ("PixelShuffle",),
    "torch.nn.modules.pooling": ("AvgPool2d", "MaxPool2d", "AdaptiveAvgPool2d"),
    "torch.nn.modules.upsampling": ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d"),
    "torch.nn.parallel.data_parallel": ("DataParallel",),
    "torch.nn.parallel.distributed": ("DistributedDataParallel",),
    "torch.optim.optimizer": ("_RequiredParameter",),
    "torch.optim.sgd": ("SGD",),
    "torch.optim.adam": ("Adam",),
    "numpy": ("dtype", "ndarray"),
    "numpy.core.multiarray": ("scalar", "_reconstruct"),
    "numpy._core.multiarray": ("scalar", "_reconstruct"),
}
"""Classes, and functions that make objects, whose results are replaced by a `StandIn`."""


class StandIn:
    """Stands for an object of a class in the pickle: holds its state and does nothing.

    `name` is the class's, with its module; `state` what the pickle sets on the object.
    """

    name: ClassVar[str] = ""
    __slots__ = ("state",)
    state: dict[Any, Any]

    def __new__(cls, *_args: object, **_kwargs: object) -> StandIn:
        self = object.__new__(cls)
        self.state = {}
        return self

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        """Takes whatever the class's constructor took."""

    def __setstate__(self, state: object) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.state.update(part)


class TensorRecord:
    """A tensor as the pickle describes it; `Pickled.tensor` turns it into one."""

    __slots__ = ("offset", "size", "storage", "stride")

    def __init__(self, storage: object, offset: object, size: object, stride: object) -> None:
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def __setstate__(self, _state: object) -> None:
        """Attributes set on a tensor are not needed."""


class _StorageRecord:
    __slots__ = ("dtype", "key", "length", "start")

    def __init__(self, key: str, dtype: torch.dtype, start: int, length: int) -> None:
        self.key, self.dtype, self.start, self.length = key, dtype, start, length

    def __setstate__(self, _state: object) -> NoReturn:
        raise WeightsError("the pickle changes a storage")


class _StorageKind:
    __slots__ = ("dtype",)

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def __setstate__(self, _state: object) -> NoReturn:
        raise WeightsError("the pickle changes a storage class")


class _Function:
    """A function of ours that the pickle may call, and not change."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: Any) -> Any:
        return self._call(*args)

    def __setstate__(self, _state: object) -> NoReturn:
        raise WeightsError("the pickle changes a function")


class _Dictionary(dict[Any, Any]):
    """Stands for OrderedDict and its kin; attributes set on it (`_metadata`) are dropped."""

    __slots__ = ()

    def __setstate__(self, _state: object) -> None:
        pass


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_rest: Any) -> TensorRecord:
    return TensorRecord(storage, offset, size, stride)


def _rebuild_parameter(data: Any = None, *_rest: Any) -> Any:
    return data


def _encode(text: Any, _encoding: Any = "latin1") -> bytes:
    """How bytes are written in protocol 2."""
    if not isinstance(text, str):
        raise WeightsError("the pickle encodes what isn't text")
    return text.encode("latin1")


def _default_dictionary(*_factory: Any) -> _Dictionary:
    return _Dictionary()


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
    "torch.nn.parameter.Parameter": _rebuild_parameter,
    "torch.Size": tuple,
    "_codecs.encode": _encode,
    "collections.defaultdict": _default_dictionary,
    "collections.Counter": _default_dictionary,
    "builtins.set": set,
    "builtins.frozenset": frozenset,
    "builtins.dict": _default_dictionary,
}


class _Unpickler(pickle.Unpickler):
    """Resolves names through the lists above and storages through `Pickled`.

    `classes` are the network's own, which stand in too.
    """

    def __init__(self, stream: IO[bytes], file: Path, classes: ClassNames) -> None:
        # latin1 reads any byte: texts written by Python 2 may hold numpy's raw numbers.
        super().__init__(stream, encoding="latin1")
        self._file = file
        self._admitted = {**_STAND_INS, **classes}
        self._classes: dict[str, type[StandIn]] = {}
        self.dtypes: dict[str, torch.dtype] = {}

    def find_class(self, module: str, name: str, /) -> Any:
        module = "builtins" if module == "__builtin__" else module
        full = f"{module}.{name}"
        if full in _FUNCTIONS:
            return _Function(_FUNCTIONS[full])
        if full == "collections.OrderedDict":
            return _Dictionary
        if module in ("torch", "torch.cuda", "torch.storage") and name in _STORAGE_DTYPES:
            return _StorageKind(_STORAGE_DTYPES[name])
        if name in self._admitted.get(module, ()):
            if full not in self._classes:
                body = {"__slots__": (), "name": full}
                self._classes[full] = type(name, (StandIn,), body)
            return self._classes[full]
        raise WeightsError(
            f"{self._file}: refused {full}, which is not part of a checkpoint that is known here; "
            f"nothing in the file was run. If you trust the file, save only its state_dict() where "
            f"it was made and import that"
        )

    def persistent_load(self, token: Any, /) -> Any:
        """Storages, in both formats; the legacy one wraps classes with their source code too."""
        if isinstance(token, tuple) and len(token) == 4 and token[0] == "module":
            return token[1]
        if isinstance(token, tuple) and len(token) in (5, 6) and token[0] == "storage":
            _, kind, key, _location, length, *view = token
            if isinstance(kind, _StorageKind) and isinstance(length, int):
                start = 0
                if view and isinstance(view[0], tuple) and len(view[0]) == 3:
                    # A legacy view: the key of the part, where it starts, how long it is.
                    _, start, length = view[0]
                self.dtypes[str(key)] = kind.dtype
                return _StorageRecord(str(key), kind.dtype, start, length)
        raise WeightsError(f"{self._file}: unknown kind of storage in the pickle")


class Pickled:
    """The contents of a file: `value`, and the tensors its records stand for."""

    def __init__(self, file: Path, value: Any, storages: Mapping[str, Tensor]) -> None:
        self.file = file
        self.value = value
        self._storages = storages
        self._room_bytes = MOST_COPIES * file.stat().st_size + (64 << 20)

    def tensor(self, record: TensorRecord, key: str) -> Tensor:
        """The tensor that `record` describes, contiguous and on the CPU.

        Raises WeightsError, naming `key`, when it reaches outside its storage.
        """
        storage = record.storage
        data = self._storages.get(storage.key) if isinstance(storage, _StorageRecord) else None
        if data is None:
            raise WeightsError(f"{self.file}: tensor {key} has no data: the file is cut short")
        layout = _layout(record, data.numel())
        if layout is None:
            raise WeightsError(
                f"{self.file}: tensor {key} reaches outside its data ({data.numel()} numbers): the "
                f"file is damaged"
            )
        self._room_bytes -= math.prod(layout[0]) * data.element_size()
        if self._room_bytes < 0:
            raise WeightsError(
                f"{self.file}: its tensors are many times as large as the file: the same data are "
                f"said to be many of them"
            )
        return data.as_strided(*layout).clone(memory_format=torch.contiguous_format)


def _layout(
    record: TensorRecord, available: int
) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
    """Size, stride and start of a tensor in its storage; None where it doesn't lie inside it."""
    size, stride, start = record.size, record.stride, record.offset
    assert isinstance(record.storage, _StorageRecord)
    if not (isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride)):
        return None
    numbers = (*size, *stride, start, record.storage.start)
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        return None
    first = start + record.storage.start  # type: ignore[operator]
    last = first + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if 0 in size:
        return size, stride, 0
    # A stride of 0 can make a tensor larger than its data: no weight is stored like that.
    if last >= available or math.prod(size) > available:
        return None
    return size, stride, first


def read_pickled(file: Path | str, classes: ClassNames | None = None) -> Pickled:
    """Read a file written by `torch.save`, in the zip format or the legacy one (before 1.6).

    `classes` are those of the network itself, which no list here has: they become `StandIn`s.
    Raises WeightsError when the pickle names anything that isn't admitted (by that name), or when
    the file is no such file, is cut short or damaged.
    """
    file = Path(file)
    try:
        if zipfile.is_zipfile(file):
            return _read_zip(file, classes or {})
        if tarfile.is_tarfile(file):
            raise WeightsError(
                f"{file} is a tar archive, as torch wrote before version 0.1.10; load it there and "
                f"save it again"
            )
        return _read_legacy(file, classes or {})
    except WeightsError:
        raise
    except FileNotFoundError as error:
        raise WeightsError(f"there is no {file}") from error
    except Exception as error:  # a malformed pickle can raise nearly anything
        raise WeightsError(
            f"cannot read {file} ({in_words(error)}); expected a checkpoint written "
            f"by torch.save, complete and undamaged"
        ) from error


def _load(
    stream: IO[bytes], file: Path, classes: ClassNames
) -> tuple[Any, Mapping[str, torch.dtype]]:
    """The next pickle of a stream, and the types of the storages that it speaks of."""
    check_pickle(stream, file)
    unpickler = _Unpickler(stream, file, classes)
    return unpickler.load(), unpickler.dtypes


def _read_zip(file: Path, classes: ClassNames) -> Pickled:
    with zipfile.ZipFile(file) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        roots = [name.removesuffix("data.pkl") for name in entries if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise WeightsError(f"{file} is a zip archive without a data.pkl: not a checkpoint")
        root = roots[0]
        if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()):
            raise WeightsError(f"{file} is compressed inside, which torch.save never does")
        if sum(info.file_size for info in entries.values()) > file.stat().st_size:
            raise WeightsError(f"{file}: its parts are said to be larger than the file: damaged")
        order = f"{root}byteorder"
        if order in entries and archive.read(order) != b"little":
            raise WeightsError(f"{file} was written on a big-endian machine: not supported")
        with archive.open(f"{root}data.pkl") as stream:
            value, dtypes = _load(stream, file, classes)
        storages = {
            key: _storage(archive.read(f"{root}data/{key}"), dtype)
            for key, dtype in dtypes.items()
            if f"{root}data/{key}" in entries
        }
    return Pickled(file, value, storages)


def _read_legacy(file: Path, classes: ClassNames) -> Pickled:
    """Five pickles in a row (magic number, version, system, value, storage keys), then the data."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        if stream.peek(1)[:1] != pickle.PROTO:
            raise WeightsError(f"{file} is not a checkpoint written by torch.save")
        if _load(stream, file, classes)[0] != _LEGACY_MAGIC:
            raise WeightsError(f"{file} is a pickle, but not one written by torch.save")
        if _load(stream, file, classes)[0] != _LEGACY_PROTOCOL:
            raise WeightsError(f"{file} was written in an unknown version of torch's format")
        system, _ = _load(stream, file, classes)
        if not isinstance(system, dict) or not system.get("little_endian", True):
            raise WeightsError(f"{file} was written on a big-endian machine: not supported")
        value, dtypes = _load(stream, file, classes)
        storages: dict[str, Tensor] = {}
        for key in _load(stream, file, classes)[0]:
            dtype = dtypes[str(key)]
            length = int.from_bytes(stream.read(8), "little", signed=True)
            if length * dtype.itemsize > size:
                raise WeightsError(f"{file} is cut short: the data of a tensor is incomplete")
            data = stream.read(max(length, 0) * dtype.itemsize)
            if len(data) != length * dtype.itemsize:
                raise WeightsError(f"{file} is cut short: the data of a tensor is incomplete")
            storages[str(key)] = _storage(data, dtype)
    return Pickled(file, value, storages)


def _storage(data: bytes, dtype: torch.dtype) -> Tensor:
    if not data:
        return torch.empty(0, dtype=dtype)
    return torch.frombuffer(bytearray(data), dtype=dtype)
