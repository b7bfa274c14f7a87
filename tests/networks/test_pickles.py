"""Nothing in a checkpoint is run: hostile pickles are refused by name, damaged ones are named."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netadapt.depth.fastdepth.checkpoint import PICKLED_CLASSES, import_weights
from netadapt.errors import WeightsError
from netadapt.networks.pickles import StandIn, TensorRecord, read_pickled
from tests.depth.fastdepth.official_files import save

MARK = "this-was-run"


class Calls:
    """Pickles as a call of `function` with `args`."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Any, ...]:
        return (self.function, self.args)


def call(module: str, name: str, *args: Any, protocol: int = 2) -> bytes:
    """A pickle that calls module.name(*args), without having to import it here."""
    if protocol >= 4:
        head = b"\x80\x04"
        for text in (module, name):
            head += b"\x8c" + bytes([len(text.encode())]) + text.encode()
        head += b"\x93"
    else:
        head = b"\x80\x02c" + f"{module}\n{name}\n".encode()
    body = b"(" + b"".join(pickle.dumps(arg, 2)[2:-1] for arg in args) + b"t"
    return head + body + b"R."


def as_zip(file: Path, pickled: bytes, **entries: bytes) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, data in entries.items():
            archive.writestr(f"archive/data/{name.removeprefix('n')}", data)
    return file


def as_legacy(file: Path, pickled: bytes) -> Path:
    parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    head = b"".join(pickle.dumps(part, 2) for part in parts)
    file.write_bytes(head + pickled + pickle.dumps([], 2))
    return file


CONTAINERS = pytest.mark.parametrize("container", [as_zip, as_legacy], ids=["zip", "legacy"])

HOSTILE = [
    ("os", "system", f"touch {MARK}"),
    ("posix", "system", f"touch {MARK}"),
    ("subprocess", "Popen", ["touch", MARK]),
    ("builtins", "eval", f"open({MARK!r}, 'w')"),
    ("__builtin__", "eval", f"open({MARK!r}, 'w')"),
    ("builtins", "exec", f"open({MARK!r}, 'w')"),
    ("builtins", "open", MARK, "w"),
    ("io", "open", MARK, "w"),
    ("builtins", "__import__", "os"),
    ("builtins", "getattr", "os", "system"),
    ("builtins", "map", "x", "y"),
    ("operator", "attrgetter", "system"),
    ("operator", "methodcaller", "system"),
    ("functools", "partial", "x"),
    ("importlib", "import_module", "this"),
    ("copyreg", "_reconstructor", "x"),
    ("copy_reg", "_reconstructor", "x"),
    ("pickle", "loads", call("os", "system", f"touch {MARK}")),
    ("_pickle", "loads", call("os", "system", f"touch {MARK}")),
    ("torch", "load", "x"),
    ("torch.serialization", "load", "x"),
    ("torch.storage", "_load_from_bytes", b"x"),
    ("torch.hub", "load", "someone/repo", "model"),
    ("torch.jit", "load", "x"),
    ("torch._C", "_load_for_lite_interpreter", "x"),
    ("torch._utils", "_rebuild_wrapper_subclass", "x"),
    ("torch._tensor", "_rebuild_from_type_v2", "x"),
    ("torch.nn.modules.module", "Module", "x"),
    ("torch.nn.modules.conv", "math", "x"),
    ("torch.nn.utils.parametrize", "type_before_parametrizations", "x"),
    ("torch.fx.graph_module", "reduce_graph_module", "x"),
    ("torch.utils.cpp_extension", "load_inline", "x"),
    ("models", "os", "x"),
    ("models", "MobileNet.__init__", "x"),
    ("imagenet.mobilenet", "main"),
    ("argparse", "FileType", "w"),
    ("numpy", "load", MARK),
    ("numpy.core.multiarray", "fromfile", "x"),
    ("pandas.io.pickle", "read_pickle", "x"),
    ("collections", "UserDict"),
    ("netadapt.files", "write_text", MARK, "x"),
]


@CONTAINERS
@pytest.mark.parametrize("hostile", HOSTILE, ids=[f"{h[0]}.{h[1]}" for h in HOSTILE])
def test_every_other_name_is_refused_and_not_run(
    hostile: tuple[Any, ...],
    container: Callable[[Path, bytes], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    module, name, *args = hostile
    file = container(tmp_path / "model.pth.tar", call(module, name, *args))
    module = module.replace("__builtin__", "builtins")
    with pytest.raises(WeightsError) as caught:
        import_weights(file)
    assert f"refused {module}.{name}" in str(caught.value)
    assert "nothing in the file was run" in str(caught.value)
    assert not (tmp_path / MARK).exists()


@CONTAINERS
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("torch", "os.system"),
        ("models", "MobileNet.__init__.__globals__"),
        ("torch.nn.modules.conv", "Conv2d.__class__"),
        ("collections", "OrderedDict.fromkeys"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__.get"),
    ],
)
def test_dotted_names_are_not_followed(
    module: str, name: str, container: Callable[[Path, bytes], Path], tmp_path: Path
) -> None:
    file = container(tmp_path / "m", call(module, name, "x", protocol=4))
    with pytest.raises(WeightsError, match="refused"):
        read_pickled(file, PICKLED_CLASSES)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_what_torch_would_run_is_not_run(
    zipped: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "model.pth.tar"
    save(file, {"epoch": 1, "model": Calls(os.system, f"touch {MARK}")}, zipped=zipped)
    with pytest.raises(WeightsError, match=r"refused posix\.system"):
        import_weights(file)
    assert not Path(MARK).exists()
    torch.load(file, weights_only=False)  # the file does work where it is trusted
    assert Path(MARK).exists()


@CONTAINERS
def test_stand_ins_only_hold_state(
    container: Callable[[Path, bytes], Path], tmp_path: Path
) -> None:
    """A module of torch.nn called with arguments, its state overriding its own methods."""
    state = (
        b"}(X\x0c\x00\x00\x00__setstate__c__builtin__\nset\n"
        b"X\x07\x00\x00\x00forwardctorch._utils\n_rebuild_tensor\nu"
    )
    made = b"\x80\x02ctorch.nn.modules.conv\nConv2d\n(K\x03K\x04tR" + state + b"b" + state + b"b."
    value = read_pickled(container(tmp_path / "m", made)).value
    assert isinstance(value, StandIn)
    assert value.name == "torch.nn.modules.conv.Conv2d"
    assert set(value.state) == {"__setstate__", "forward"}
    assert not isinstance(value, torch.nn.Module)


@CONTAINERS
@pytest.mark.parametrize(
    "target",
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ccollections\nOrderedDict\n",
        b"c__builtin__\nset\n",
        b"cmodels\nMobileNet\n",
        b"ctorch\nFloatStorage\n",
    ],
)
def test_functions_and_classes_cannot_be_changed(
    target: bytes, container: Callable[[Path, bytes], Path], tmp_path: Path
) -> None:
    """BUILD on a function or class: plain state, and a slot state that would set attributes."""
    attribute = b"}X\x0c\x00\x00\x00__defaults__K\x01s"
    for state in (attribute, b"N" + attribute + b"\x86"):
        file = container(tmp_path / "m", b"\x80\x02" + target + state + b"b.")
        with pytest.raises(WeightsError):
            read_pickled(file, PICKLED_CLASSES)
    assert not hasattr(collections.OrderedDict, "__defaults__")
    sound = container(tmp_path / "sound", b"\x80\x02ccollections\nOrderedDict\n)R.")
    assert read_pickled(sound).value == {}


def tensor(
    size: object, stride: object, offset: object = 0, key: str = "0", numel: int = 4
) -> bytes:
    """A state dict with one tensor in a storage of four floats, written by hand."""

    class Writer(pickle.Pickler):
        def persistent_id(self, value: object) -> object:
            if isinstance(value, str) and value == "STORAGE":
                return ("storage", torch.FloatStorage, key, "cpu", numel)
            return None

    stream = io.BytesIO()
    record = Calls(torch._utils._rebuild_tensor_v2, "STORAGE", offset, size, stride, False, {})
    Writer(stream, 2).dump({"conv0.0.weight": record})
    return stream.getvalue()


def read_tensor(file: Path) -> torch.Tensor:
    pickled = read_pickled(file)
    record = pickled.value["conv0.0.weight"]
    assert isinstance(record, TensorRecord)
    return pickled.tensor(record, "conv0.0.weight")


FOUR = struct.pack("<4f", 1, 2, 3, 4)


def test_tensors_lie_inside_their_storage(tmp_path: Path) -> None:
    sound = as_zip(tmp_path / "s", tensor((2, 2), (1, 2)), n0=FOUR)
    assert read_tensor(sound).tolist() == [[1, 3], [2, 4]]
    assert read_tensor(as_zip(tmp_path / "e", tensor((0, 3), (3, 1)), n0=FOUR)).shape == (0, 3)
    assert read_tensor(as_zip(tmp_path / "one", tensor((), (), 3), n0=FOUR)).item() == 4


@pytest.mark.parametrize(
    "pickled",
    [
        tensor((5,), (1,)),
        tensor((2,), (1,), 3),
        tensor((2, 2), (4, 1)),
        tensor((2,), (-1,), 3),
        tensor((2,), (1,), -1),
        tensor((10**12,), (0,)),
        tensor((2,), (1, 1)),
        tensor("ab", (1, 1)),
        tensor((2,), (1,), None),
        tensor((2,), (1,), key="missing"),
        tensor((2,), (1,), key="../data.pkl"),
    ],
)
def test_tensors_outside_their_storage_are_refused(pickled: bytes, tmp_path: Path) -> None:
    file = as_zip(tmp_path / "m", pickled, n0=FOUR)
    with pytest.raises(WeightsError, match=r"conv0\.0\.weight"):
        import_or_read(file)


def import_or_read(file: Path) -> torch.Tensor:
    import_weights(file)
    return read_tensor(file)


def test_modules_that_hold_themselves_end(tmp_path: Path) -> None:
    """Each of 60 levels holds the next one twice: 2^60 parts, were they all walked."""
    level = b"ctorch.nn.modules.container\nSequential\n)R}X\x08\x00\x00\x00_modules}(%susb"
    inner = b"X\x01\x00\x00\x00aX\x01\x00\x00\x00x"
    data = level % inner
    for i in range(60):
        put = b"q" + bytes([i])
        data = level % (b"X\x01\x00\x00\x00a" + data + put + b"X\x01\x00\x00\x00bh" + bytes([i]))
    file = as_zip(tmp_path / "m", b"\x80\x02" + data + b".")
    with pytest.raises(WeightsError, match="more than 5000 parts"):
        import_weights(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a checkpoint"),
        (b"hello, world", "not a checkpoint"),
        (pickle.dumps([1, 2], 2), "not one written by torch.save"),
        (os.urandom(5000).replace(b"\x80", b"\x00"), "not a checkpoint"),
        (as_zip, "without a data.pkl"),
    ],
    ids=["empty", "text", "pickle", "noise", "zip"],
)
def test_other_files_are_named(content: object, words: str, tmp_path: Path) -> None:
    file = tmp_path / "model.pth.tar"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("readme.txt", "x")
    with pytest.raises(WeightsError, match=words) as caught:
        import_weights(file)
    assert str(file) in str(caught.value)


def test_tar_archives_are_named(tmp_path: Path) -> None:
    file = tmp_path / "model.pth.tar"
    with tarfile.open(file, "w") as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    with pytest.raises(WeightsError, match="tar archive"):
        import_weights(file)


def test_compressed_archives_are_refused(tmp_path: Path) -> None:
    """A few kilobytes could unpack to all of the memory."""
    file = tmp_path / "m"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", tensor((4,), (1,)))
        archive.writestr("archive/data/0", bytes(1_000_000))
    with pytest.raises(WeightsError, match="compressed"):
        read_pickled(file)


@pytest.fixture(scope="session")
def sound_file(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, bytes]:
    contents = {}
    for zipped in (True, False):
        file = tmp_path_factory.mktemp("sound") / "m.pth"
        save(file, {"a.weight": torch.rand(3, 2), "epoch": 1}, zipped=zipped)
        contents[zipped] = file.read_bytes()
    return contents


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), zipped=st.booleans())
def test_damage_never_escapes_as_another_error(
    data: st.DataObject,
    zipped: bool,
    sound_file: dict[bool, bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    content = bytearray(sound_file[zipped])
    if data.draw(st.booleans(), label="cut"):
        del content[data.draw(st.integers(0, len(content) - 1), label="length") :]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("damaged") / "m.pth"
    file.write_bytes(content)
    with suppress(WeightsError):
        pickled = read_pickled(file)
        items = pickled.value.items() if isinstance(pickled.value, dict) else ()
        for key, record in items:
            if isinstance(record, TensorRecord):
                pickled.tensor(record, str(key))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_every_cut_short_checkpoint_is_refused(
    zipped: bool, sound_file: dict[bool, bytes], tmp_path: Path
) -> None:
    file = tmp_path / "m.pth"
    for length in range(0, len(sound_file[zipped]), 7):
        file.write_bytes(sound_file[zipped][:length])
        with pytest.raises(WeightsError):
            read_pickled(file)


def zipped(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", content)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x02Nr\xff\xff\xff/.", "a memo of 805306367 places"),
        (b"\x80\x02})" + b"\x85" * 200_000 + b"K\x01s.", "over 200 nested tuples"),
        (b"\x80\x02}(" + b"(" * 300 + b"t" * 300 + b"K\x01u.", "over 200 nested tuples"),
        (b"\x80\x02N" + b"\x85q\x00h\x00" * 300 + b".", "over 200 nested tuples"),
        # By a function that gives its argument back, as torch.Size does.
        (
            b"\x80\x02ctorch\nSize\nq\x000Nq\x010"
            + b"h\x00h\x01\x85\x85Rq\x010" * 300
            + b"}h\x01Ns.",
            "over 200 nested tuples",
        ),
        # A pair of the same pair, and so on: hashing it visits 2 ** 100 parts.
        (b"\x80\x02N" + b"q\x00h\x00\x86" * 100 + b".", "a tuple of over 10,000 parts"),
        (b"\x80\x04\x95" + (1 << 60).to_bytes(8, "little") + b"N.", "a part of 1,152,921,504,6"),
        (b"\x80\x05\x96\xff\xff\xff\xff\x00\x00\x00\x00.", "cannot read"),
        (b"\x80\x02\x87.", "cannot read"),
    ],
)
def test_reading_takes_no_more_than_the_file_is_large(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        read_pickled(zipped(tmp_path / "w.pth", content))


def test_one_storage_under_many_names_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    data = torch.zeros(1_000_000)
    file = tmp_path / "w.pth"
    torch.save({f"{number}": data.view(-1) for number in range(100)}, file)
    assert file.stat().st_size < 5_000_000
    pickled = read_pickled(file)
    records = list(pickled.value.items())
    with pytest.raises(WeightsError, match="are many times as large as the file"):
        _ = [pickled.tensor(record, key) for key, record in records]


def test_parts_of_a_zip_that_lie_in_one_another_are_refused(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "w.pth", b"\x80\x02N." + b"x" * 1000)
    content = bytearray(whole.read_bytes())
    listed = content.rfind(b"PK\x01\x02")
    content[listed + 24 : listed + 28] = (1 << 30).to_bytes(4, "little")  # its size unpacked
    whole.write_bytes(content)
    with pytest.raises(WeightsError, match="its parts are said to be larger than the file"):
        read_pickled(whole)
