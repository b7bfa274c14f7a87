"""What a user's code raises comes out as one line that names theirs."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from netadapt.errors import InputError, ModelError
from netadapt.networks.named_functions import call_named, module_of
from netadapt.users_code import told, users_code


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


class Own(BaseException):
    """No Exception, as `sys.exit` and Ctrl-C raise none."""


def fails(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AssertionError("a multiple of 16"), "AssertionError: a multiple of 16"),
        (KeyError("b"), "KeyError: 'b'"),
        (SystemExit(0), "SystemExit: 0"),
        (Own("mine"), "Own: mine"),
        (ValueError("\n\n first\nsecond. \n third"), "ValueError: first; second. third"),
        (
            RuntimeError("Error(s) in loading:\n\tsize mismatch"),
            "RuntimeError: Error(s) in loading: size mismatch",
        ),
        (ValueError("\x1b[31mred"), "ValueError:  [31mred"),
        (ValueError("x" * 5000), "ValueError: xxx"),
        (ValueError(), "ValueError"),
        (Silent(), "Silent"),
    ],
)
def test_whatever_is_raised_is_one_line_with_its_place(error: BaseException, said: str) -> None:
    with pytest.raises(ModelError) as raised, users_code("tracing Net", ModelError, "do this"):
        fails(error)
    text = str(raised.value)
    assert re.match(
        rf"tracing Net failed: .*test_users_code\.py:\d+ in fails: {re.escape(said)}", text
    )
    assert text.endswith("; do this")
    assert text.isprintable()
    assert len(text) < 500
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [InputError("ours"), KeyboardInterrupt(), GeneratorExit()])
def test_our_own_errors_and_an_interruption_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, users_code("tracing Net"):
        fails(error)
    assert raised.value is error


def test_what_a_library_wraps_is_told_from_where_it_began() -> None:
    with pytest.raises(ValueError, match="cause") as cause:
        fails(ValueError("the cause"))
    wrapped = RuntimeError("wrapped")  # as a library raises it: no line of the user's is in it
    wrapped.__cause__ = cause.value
    assert told(wrapped).endswith("in fails: ValueError: the cause")
    assert told(ValueError("nobody's")) == "ValueError: nobody's"


class Broken(torch.utils.data.Dataset[int]):
    def __init__(self, message: str) -> None:
        self.message = message

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        raise ValueError(self.message)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("image 3 is torn", "image 3 is torn"),
        (
            "image 3 is torn:\n  at byte 7\nask for it again",
            "image 3 is torn: at byte 7; ask for it",
        ),
    ],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_data_set_is_told_whole_from_a_loaders_worker_too(
    message: str, said: str, workers: int
) -> None:
    with pytest.raises(InputError) as raised, users_code("training_batches"):
        list(DataLoader(Broken(message), num_workers=workers))
    assert re.search(
        rf"test_users_code\.py:\d+ in __getitem__: ValueError: {said}", str(raised.value)
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x = 1\nimport not_there_at_all\n", ":2: ModuleNotFoundError: No module named 'not_there"),
        ("x = 1\n\ndef (:\n", ":3: SyntaxError: "),
        ("import sys\nsys.exit()\n", ":2: SystemExit"),
        ("1 / 0\n", ":1: ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, said: str
) -> None:
    (tmp_path / "mine_broken.py").write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    with pytest.raises(InputError) as raised:
        module_of("mine_broken:network", "network", InputError)
    expected = "importing mine_broken for the network 'mine_broken:network' failed: mine_broken.py"
    assert str(raised.value).startswith(expected + said)


def test_a_module_that_is_not_there_says_where_to_run(tmp_path: Path) -> None:
    for name in ("nowhere_at_all:task", "netadapt.nowhere:task"):
        with pytest.raises(InputError, match=r"cannot import .* in the folder that holds it"):
            module_of(name, "task", InputError)
    with pytest.raises(InputError, match=r"fails\(\) failed: TypeError: .*'error'; mend it"):
        call_named(f"{__name__}:fails", "task", InputError)
