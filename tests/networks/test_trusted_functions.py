"""A stranger's model is not a stranger's program: whose functions run, and whose don't."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import netadapt
from netadapt.errors import InputError, ModelError
from netadapt.networks import trusted_functions
from netadapt.networks.named_functions import call_named
from netadapt.networks.store import read_config
from netadapt.networks.trusted_functions import (
    RUN_JSON,
    name_functions_of_run,
    require_trusted,
    sealed,
    trusting_folders,
)

SOURCE = """
from pathlib import Path
from torch import nn

Path("ran").touch()

def net():
    return nn.Sequential(nn.Conv2d(3, 8, 3))
"""


@pytest.fixture(autouse=True)
def _nobody_named_anything(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(trusted_functions, "_NAMED", set())
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def strangers(tmp_path, monkeypatch) -> Path:
    """A model folder whose config names a function that lies beside it, where the user stands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "strange", raising=False)
    Path("strange.py").write_text(SOURCE)
    network = nn.Sequential(nn.Conv2d(3, 8, 3))
    netadapt.save_model("theirs", network, {"factory": "strange:net"})
    trusted_functions._NAMED.clear()  # as another process saved it
    return tmp_path / "theirs"


def test_a_folders_function_is_neither_run_nor_imported(strangers: Path) -> None:
    with pytest.raises(ModelError, match=r"theirs/config.json asks for the function strange:net"):
        netadapt.load_model(strangers)
    assert not Path("ran").exists()
    assert read_config(strangers).name == "strange:net"  # it can be looked at


@pytest.mark.parametrize("how", [{"trust_factory": True}, {"factory": "strange:net"}])
def test_it_runs_once_the_user_says_so(strangers: Path, how: dict) -> None:
    assert netadapt.load_model(strangers, **how)[0].out_channels == 8
    assert Path("ran").exists()


def test_trust_ends_with_the_call_and_a_name_stays(strangers: Path) -> None:
    netadapt.load_model(strangers, trust_factory=True)
    with pytest.raises(ModelError, match="asks for the function"):
        netadapt.load_model(strangers)
    netadapt.load_model(strangers, factory="strange:net")
    netadapt.load_model(strangers)


def test_a_moved_function_is_named_in_the_folders_place(strangers: Path) -> None:
    Path("strange.py").rename("moved.py")
    assert netadapt.load_model(strangers, factory="moved:net")[0].out_channels == 8
    with pytest.raises(ModelError, match=r"says what its network is, .*; leave out factory="):
        netadapt.load_model("fastdepth", factory="moved:net")


@pytest.mark.parametrize("name", ["sys:exit", "os:abort", "posix:abort", "os.path:join"])
def test_pythons_own_functions_never_run(name: str) -> None:
    with trusting_folders(), pytest.raises(ModelError, match="is of Python's own library"):
        require_trusted(name, "config.json")
    for what in ("network", "task"):
        with pytest.raises(InputError, match="is of Python's own library"):
            call_named(name, what, InputError)


def test_nor_by_another_modules_name_for_them(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("gives_abort.py").write_text("from os import abort\nfrom sys import exit as leave\n")
    for name in ("gives_abort:abort", "gives_abort:leave"):
        with pytest.raises(InputError, match="is of Python's own library"):
            call_named(name, "network", InputError)


def test_a_users_file_called_as_a_module_of_pythons_is_theirs(tmp_path) -> None:
    (tmp_path / "cmd.py").write_text("def net():\n    return 5\n")
    code = (
        "from netadapt.networks.named_functions import call_named\n"
        "print(call_named('cmd:net', '', KeyError))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "5\n"


def test_networks_of_this_package_are_its_own_and_its_other_functions_arent() -> None:
    require_trusted("netadapt.depth.fastdepth.mobilenet:FastDepth", "config.json")
    for name in (
        *("netadapt.cli:main", "netadapt.__main__:main", "netadapt.cores:os", "netadapt:search"),
        *("netadapt.networks.store:nn", "netadapt.nothing:here", "netadapt..x:y"),
    ):
        with pytest.raises(ModelError, match="asks for the function"):
            require_trusted(name, "config.json")


def test_a_run_that_the_user_began_bears_their_seal_and_no_other_does(tmp_path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    mine = sealed(["my:net", "depth", "my:task"])
    assert mine["functions"] == ["my:net", "my:task"]
    assert not sealed(["fastdepth", "depth"])
    (run / RUN_JSON).write_text(json.dumps(mine))
    name_functions_of_run(run / "iter_003")
    require_trusted("my:net", "config.json")
    trusted_functions._NAMED.clear()
    for forged in (
        {**mine, "functions": ["evil:f"]},
        {**mine, "seal": "0" * 64},
        {**mine, "seal": "ü"},
        {**mine, "seal": None},
        {**mine, "functions": "my:net"},
        [],
    ):
        (run / RUN_JSON).write_text(json.dumps(forged))
        name_functions_of_run(run)
        assert not trusted_functions._NAMED


def test_the_key_is_the_users_alone(tmp_path) -> None:
    sealed(["my:net"])
    key = tmp_path / "state" / "netadapt" / "seal.key"
    assert key.stat().st_mode & 0o077 == 0
    before = key.read_text()
    sealed(["your:net"])
    assert key.read_text() == before


def test_without_a_place_for_the_key_a_run_has_no_seal(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert sealed(["my:net"]) == {}


def test_a_network_given_in_this_process_comes_back_without_a_word(tmp_path) -> None:
    config = {"factory": f"{__name__}:small", "input_shapes": [[1, 3, 8, 8]]}
    netadapt.save_model(tmp_path / "m", small(), config)
    assert torch.is_tensor(netadapt.load_model(tmp_path / "m")[0].weight)


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3))


def test_a_profile_that_a_strangers_run_names_is_not_followed(monkeypatch) -> None:
    """It may hold a command."""
    monkeypatch.setattr(trusted_functions, "_NAMED", set())
    with pytest.raises(InputError, match=r"asks for the device profile evil\.toml"):
        trusted_functions.require_trusted_profile("evil.toml", Path("run/run.json"))
    with trusted_functions.trusting_folders():
        trusted_functions.require_trusted_profile("evil.toml", Path("run/run.json"))
    trusted_functions.name_function(trusted_functions.profile_as_function("evil.toml"))
    trusted_functions.require_trusted_profile("evil.toml", Path("run/run.json"))
