"""A package that isn't installed is named with the extra that brings it."""

from __future__ import annotations

import pickle
import sys

import pytest

from netadapt.errors import MissingExtraError
from netadapt.extras import needed


def test_what_is_there_is_given() -> None:
    assert needed("json.decoder", "depth").JSONDecoder


def test_what_is_missing_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'netadapt\[onnx\]'") as raised:
        needed("no_such_package.part", "onnx")
    assert raised.value.exit_code == 2


def test_what_a_package_lacks_itself_is_not_ours_to_name(tmp_path, monkeypatch) -> None:
    (tmp_path / "half_there.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "half_there", raising=False)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        needed("half_there", "depth")


def test_it_comes_whole_out_of_another_process() -> None:
    """A worker's error is made again, by its class, from its text."""
    error = MissingExtraError.of("apache-tvm", "tvm")
    assert str(type(error)(str(error))) == str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
