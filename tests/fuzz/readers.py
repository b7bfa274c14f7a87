"""Every reader of what comes from outside: what a sound file of its kind is, and how it is read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from netadapt.depth.data.association_file import read_associations
from netadapt.depth.data.camera_file import read_focal_px
from netadapt.depth.data.datasets import open_depth_data
from netadapt.depth.data.hdf5_pairs import read_frame_file
from netadapt.depth.data.labeled_mat import LabeledMat
from netadapt.depth.data.mat_splits import read_mat_splits
from netadapt.depth.data.pack import INDEX_FILE, PackIndex, open_pack
from netadapt.depth.data.pack_writer import pack
from netadapt.depth.data.rgbd_import import read_rgb, read_units
from netadapt.depth.data.split_file import read_split_file
from netadapt.latency.devices.profile import load_profile
from netadapt.latency.table.engine_profile_import import Beside, profile_format
from netadapt.latency.table.record_merging import merge_files
from netadapt.latency.table.table import LookupTable
from netadapt.networks import save_model
from netadapt.networks.checkpoint_tensors import checkpoint_tensors
from netadapt.networks.store import find_model, load_model, read_config, read_tensors
from netadapt.networks.trusted_functions import name_function, name_functions_of_run
from netadapt.pruning.records import CandidateRecord, Interval, StepRecord
from netadapt.pruning.run_folder import read_candidates, read_image_scores, read_steps
from netadapt.pruning.run_json import RunAbout, write_run_json
from netadapt.pruning.settings import SearchSettings
from tests.depth.data.mat_files import write_mat

MAKER = f"{__name__}:small"


@dataclass(frozen=True)
class Reader:
    """`make` writes sound files into a folder and gives the one to damage; `read` reads it."""

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]


def small() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))


def _written(name: str, content: bytes | str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def _model(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        config = {"factory": MAKER, "widths": {}, "input_shapes": [[1, 3, 8, 8]]}
        save_model(folder, small(), config)
        return folder / name

    return make


def _fastdepth(folder: Path) -> Path:
    return _written("config.json", Path("models/fastdepth/config.json").read_bytes())(folder)


def _run_json(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    network = {"factory": MAKER, "widths": {}, "input_shapes": [[1, 3, 8, 8]]}
    opened = {"model": MAKER, "task": "depth", "data": "rooms"}
    asked = RunAbout({"macs": 5.0}, SearchSettings(), network, "0", {}, opened, "", {"macs": "50%"})
    write_run_json(folder, asked)
    return folder / "run.json"


def _rows(kind: type, name: str, **own: Any) -> Callable[[Path], Path]:
    records = [
        kind(
            iteration=number,
            group="a" if number else "",
            layers=("a", "b"),
            width_before=8 if number else None,
            width_after=4 if number else None,
            latency=Interval(1.5, 1.0, 2.0),
            target_ms=2.0 if number else None,
            metrics={"accuracy": 0.5},
            macs=100,
            params=10,
            score=0.1 if number else None,
            widths={"a": 4, "b": 8},
            samples=3,
            score_error=0.01,
            **own,
        )
        for number in range(3)
    ]
    columns = kind.columns(["accuracy"])
    lines = [",".join(columns)]
    lines += [",".join(str(record.to_row().get(c, "")) for c in columns) for record in records]
    return _written(name, "\n".join(lines) + "\n")


def _pair(folder: Path) -> Path:
    path = folder / "train" / "s" / "00002.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        rgb = generator.integers(0, 255, (3, 24, 32), dtype=np.uint8)
        file.create_dataset("rgb", data=rgb, compression="gzip")
        depth = generator.uniform(1, 5, (24, 32)).astype(np.float32)
        file.create_dataset("depth", data=depth, compression="gzip", shuffle=True)
        file.attrs["focal_px"], file.attrs["focal_height_px"] = 30.0, 24
    return path


def _splits(folder: Path) -> Path:
    _pair(folder)
    name = "train/s/00002.h5"
    content = json.dumps({"train": [name], "holdout": [name], "val": []})
    return _written("splits.json", content)(folder)


def _packed(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        _splits(folder / "source")
        pack(folder / "source", folder / "pack")
        return folder / "pack" / name

    return make


def _labelled(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rgb, depth = np.ones((2, 3, 6, 8), np.uint8), np.ones((2, 6, 8), np.float32)
    return write_mat(folder / "it.mat", rgb, depth, ["kitchen", "kitchen"])


def _mat_splits(folder: Path) -> Path:
    from scipy.io import savemat

    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / "splits.mat", {"trainNdxs": [[1.0], [2.0]], "testNdxs": [[3.0]]})
    return folder / "splits.mat"


def _image(name: str, values: np.ndarray[Any, Any]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(folder / name)
        return folder / name

    return make


def _checkpoint(*, zipped: bool) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "it.pth"
        content = {"state_dict": small().state_dict(), "epoch": 3, "args": ("a", (1, 2), {"b": 1})}
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        return path

    return make


def _listed_pairs(folder: Path) -> Path:
    for kind in ("rgb", "depth"):
        _written(f"{kind}/a.png", b"")(folder)
    return _written("it.txt", "1.5 rgb/a.png 1.6 depth/a.png\n")(folder)


def _arrays(folder: Path) -> Path:
    stream = io.BytesIO()
    np.savez_compressed(stream, **{"conv.weight": np.ones((4, 3), np.float32), "b": np.ones(4)})
    return _written("it.npz", stream.getvalue())(folder)


def _pickle_alone(folder: Path) -> Path:
    """The pickle of a checkpoint, to be damaged by itself: `_in_a_zip` puts it back."""
    with zipfile.ZipFile(_checkpoint(zipped=True)(folder)) as archive:
        root = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        return _written("data.pkl", archive.read(root))(folder)


def _in_a_zip(path: Path) -> Any:
    whole = path.with_name("again.pth")
    with zipfile.ZipFile(path.with_name("it.pth")) as old, zipfile.ZipFile(whole, "w") as new:
        for name in old.namelist():
            new.writestr(name, path.read_bytes() if name.endswith("data.pkl") else old.read(name))
    return checkpoint_tensors(whole)


def _every_pair(path: Path) -> None:
    for split in ("train", "holdout"):
        source = open_pack(path.parent, split)
        for number in range(len(source)):
            source.read(number)


def _labelled_pairs(path: Path) -> None:
    with LabeledMat(path) as mat:
        for number in range(min(len(mat), 3)):
            mat.read(number)


def _split_pairs(path: Path) -> None:
    source = open_depth_data(path.parent, "train")
    for number in range(len(source)):
        source.read(number)


def _run_with_a_model(folder: Path) -> Path:
    _model("config.json")(folder / "iter_000")
    return _rows(StepRecord, "trajectory.csv", checkpoint="iter_000")(folder)


def _profile_layers(path: Path) -> Any:
    found = profile_format(path)
    return None if found is None else found[0].read(found[1], Beside())


def _config(path: Path) -> Any:
    name_function(MAKER)
    return read_config(path.parent).build()


def _network(path: Path) -> Any:
    name_function(MAKER)
    return load_model(path.parent)


_TABLE = "lookup_tables/tx2.published.csv"
_RECORD = (
    '{"input":["cuda","conv2d_nchw.cuda",[["TENSOR",[1,64,56,56],"float32"],["TENSOR",[64,64,3,3],'
    '"float32"],[1,1],[1,1,1,1],[1,1],"float32"],{}],"config":{"code_hash":null,"entity":[]},'
    '"result":[[0.001,0.002],0,1.5,1.6e9],"version":0.2}\n'
)
_OLD_RECORD = (
    '{"i": ["cuda -model=tx2", "topi_nn_conv2d", [["TENSOR", [1, 3, 224, 224], "float32"], '
    '["TENSOR", [32, 3, 3, 3], "float32"], [2, 2], [1, 1], [1, 1], "NCHW", "float32"], {}, '
    '["conv2d", [1, 3, 224, 224, "float32"], [32, 3, 3, 3, "float32"], [2, 2], [1, 1], [1, 1], '
    '"NCHW", "float32"], {"i": 1, "t": "direct", "c": null, "e": []}], '
    '"r": [[0.001], 0, 1.5, 1500000000.0], "v": 0.1}\n'
)
_PROFILE = (
    'description = "x"\nruntime = "onnxruntime"\nthreads = 2\nseconds = 0.5\nfix_first = ["a"]\n'
)
_ORT = json.dumps(
    [
        {
            "cat": "Node",
            "name": "c_kernel_time",
            "dur": 12,
            "ts": 1,
            "ph": "X",
            "args": {
                "op_name": "Conv",
                "input_type_shape": [{"float": [1, 3, 8, 8]}, {"float": [4, 3, 1, 1]}],
                "output_type_shape": [{"float": [1, 4, 8, 8]}],
                "parameter_size": "100",
            },
        }
    ]
)
_TRT = json.dumps(
    [
        {"count": 10},
        {"name": "conv1", "timeMs": 1.5, "averageMs": 0.1, "medianMs": 0.1, "percentage": 100.0},
    ]
)
_TFLITE = (
    "============================== Run Order ==============================\n"
    "\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t"
    "[times called]\t[Name]\n"
    "\t                 CONV_2D\t    0.034\t    0.035\t  5.000%\t  5.000%\t     0.000\t        1"
    "\t[a/b]:0\n"
)


READERS: dict[str, Reader] = {
    "config.json of a function": Reader(_model("config.json"), _config),
    "config.json of FastDepth": Reader(_fastdepth, lambda path: read_config(path.parent).build()),
    "safetensors": Reader(_model("model.safetensors"), read_tensors),
    "a model's weights": Reader(_model("model.safetensors"), _network),
    "run.json": Reader(_run_json, lambda path: RunAbout.read(path.parent)),
    "run.json's seal": Reader(_run_json, lambda path: name_functions_of_run(path.parent)),
    "trajectory.csv": Reader(
        _rows(StepRecord, "trajectory.csv", checkpoint="iter_000"),
        lambda path: read_steps(path.parent),
    ),
    "a run as a model": Reader(_run_with_a_model, lambda path: find_model(path.parent)),
    "candidates.csv": Reader(
        _rows(CandidateRecord, "candidates.csv", stage="judged"),
        lambda path: read_candidates(path.parent),
    ),
    "image_scores.csv": Reader(
        _written("image_scores.csv", "iteration,stage,widths,scores\n0,judged,a=4,0.5 0.25\n"),
        lambda path: read_image_scores(path.parent),
    ),
    "a table": Reader(
        lambda folder: _written("it.csv", Path(_TABLE).read_bytes()[:3000])(folder),
        LookupTable.read,
    ),
    "a table's toml": Reader(
        lambda folder: (
            _written("it.csv", Path(_TABLE).read_bytes())(folder),
            _written("it.toml", Path(_TABLE).with_suffix(".toml").read_bytes())(folder),
        )[1],
        lambda path: LookupTable.read(path.with_suffix(".csv")).hash,
    ),
    "a device profile": Reader(
        _written("it.toml", _PROFILE), lambda path: load_profile("it", file=path)
    ),
    "tuning records": Reader(
        _written("it.log", _RECORD + _OLD_RECORD), lambda path: merge_files([path])
    ),
    "a profile of onnxruntime": Reader(_written("it.json", _ORT), _profile_layers),
    "a profile of trtexec": Reader(_written("it.json", _TRT), _profile_layers),
    "a profile of TFLite": Reader(_written("it.txt", _TFLITE), _profile_layers),
    "an HDF5 pair": Reader(_pair, read_frame_file),
    "splits.json": Reader(_splits, _split_pairs),
    "index.json": Reader(_packed(INDEX_FILE), _every_pair),
    "index.json alone": Reader(_packed(INDEX_FILE), lambda path: PackIndex.read(path.parent)),
    "a shard": Reader(_packed("train-00000.rgb.npy"), _every_pair),
    "the labelled set": Reader(_labelled, _labelled_pairs),
    "splits.mat": Reader(_mat_splits, lambda path: read_mat_splits(path, 3)),
    "a list of splits": Reader(
        _written("it.csv", "file,split,scene\na.png,train,s\nb.png,test,t\n"), read_split_file
    ),
    "a list of pairs": Reader(
        _listed_pairs,
        lambda path: read_associations(path, path.parent, frozenset({"depth"})),
    ),
    "a camera's matrix": Reader(
        _written("k.txt", "500 0 320\n0 500 240\n0 0 1\n"), lambda path: read_focal_px(path, 480)
    ),
    "a PNG": Reader(_image("it.png", np.full((24, 32, 3), 90, np.uint8)), read_rgb),
    "a JPEG": Reader(_image("it.jpg", np.full((24, 32, 3), 90, np.uint8)), read_rgb),
    "a TIFF": Reader(_image("it.tif", np.full((24, 32, 3), 90, np.uint8)), read_rgb),
    "a WebP": Reader(_image("it.webp", np.full((24, 32, 3), 90, np.uint8)), read_rgb),
    "a depth PNG": Reader(_image("it.png", np.full((24, 32), 900, np.uint16)), read_units),
    "a depth PGM": Reader(
        _written("it.pgm", b"P5\n# made by hand\n4 3\n4095\n" + b"\x01\x10" * 12), read_units
    ),
    "a checkpoint": Reader(_checkpoint(zipped=True), checkpoint_tensors),
    "an old checkpoint": Reader(_checkpoint(zipped=False), checkpoint_tensors),
    "a checkpoint's pickle": Reader(_pickle_alone, _in_a_zip),
    "an npz": Reader(_arrays, checkpoint_tensors),
    "safetensors of a checkpoint": Reader(
        _written("it.safetensors", save({"a": torch.ones(3)})), checkpoint_tensors
    ),
}
