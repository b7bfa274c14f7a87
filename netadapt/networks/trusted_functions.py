"""Which functions that a folder names may be run: a stranger's model is not a stranger's program.

A model's config.json or a run's run.json may name 'package.module:function'. It is run where the
user has named it in this process, or trusts what folders name; where the user began the run, which
then bears their seal; or where it is a network of this package. Calling it is
`named_functions.py`'s affair.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
import json
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from netadapt.errors import InputError, ModelError
from netadapt.networks.named_functions import refuse_pythons_own
from netadapt.outside import outside_json_object, outside_text

RUN_JSON = "run.json"

_NAMED: set[str] = set()
"""What the user has named in this process."""

_TRUSTING: list[bool] = []
"""Whether the user trusts what folders name, innermost block last."""

_KEY_BYTES = 32


def name_function(name: str) -> str:
    """The user has named it, so a folder may ask for it too; gives it back."""
    _NAMED.add(name)
    return name


@contextmanager
def trusting_folders(trusted: bool = True) -> Iterator[None]:
    """Within the block a folder's functions are run, as with --trust-factory; or as before."""
    _TRUSTING.append(trusted or bool(_TRUSTING and _TRUSTING[-1]))
    try:
        yield
    finally:
        _TRUSTING.pop()


def require_trusted(
    name: str, asker: Path | str, what: str = "network", error: type[InputError] = ModelError
) -> None:
    """Raise `error` where the function `name`, which the file `asker` names, isn't to be run.

    `what` it makes is said. Nothing is imported for a function that is refused.
    """
    refuse_pythons_own(name.partition(":")[0], name, what, error)
    if name in _NAMED or (_TRUSTING and _TRUSTING[-1]) or _is_a_network_of_ours(name):
        return
    raise error(
        f"{asker} asks for the function {name} to make its {what}: it would run as your own "
        f"program, and whoever made the folder chose it; if you trust it, name it yourself "
        f"(--{'task' if what == 'task' else 'model'} {name}; load_model(…, factory='{name}')), or "
        f"add --trust-factory (load_model(…, trust_factory=True))"
    )


def profile_as_function(profile: str) -> str:
    """How a device's profile stands among the functions that a run names."""
    return f"profile:{profile}"


def require_trusted_profile(profile: str, asker: Path) -> None:
    """Raise InputError where the profile that the file `asker` names isn't to be followed: its
    engine may be a command."""
    if profile_as_function(profile) in _NAMED or (_TRUSTING and _TRUSTING[-1]):
        return
    raise InputError(
        f"{asker} asks for the device profile {profile}, which may hold a command to run, and you "
        f"didn't begin this run; if you trust it, name it yourself (--profile {profile}), or add "
        f"--trust-factory"
    )


def _is_a_network_of_ours(name: str) -> bool:
    """Whether it is one of this package's modules of torch, or a function that gives one."""
    module, _, attribute = name.partition(":")
    if not module.startswith("netadapt.") or "__" in module:  # __main__ is the command itself
        return False
    try:
        thing = getattr(import_module(module), attribute, None)
    except (ImportError, ValueError):  # no such module, or no name of one
        return False
    if not str(getattr(thing, "__module__", "")).startswith("netadapt."):
        return False  # the package itself has it from elsewhere
    if inspect.isclass(thing):
        return issubclass(thing, nn.Module)
    given = getattr(thing, "__annotations__", {}).get("return")
    return inspect.isfunction(thing) and given in ("nn.Module", nn.Module)


def sealed(names: Iterable[str]) -> dict[str, Any]:
    """For run.json: the functions that the user began a run with, and a seal that only this user
    makes; {} where there are none, or nowhere to keep the key."""
    functions = sorted({name for name in names if ":" in name})
    if not functions:
        return {}
    key = _key() or _new_key()
    if key is None:  # a home that can't be written: to go on the user names them again
        return {}
    return {"functions": functions, "seal": _seal(functions, key)}


def name_functions_of_run(folder: Path) -> None:
    """The user has named what a run was begun with in which `folder` is, or which it is, if its
    run.json bears the user's seal."""
    for place in (folder, folder.parent):
        try:
            content = outside_json_object(place / RUN_JSON, InputError)
        except InputError:
            continue  # none, or a damaged one, which names nothing
        functions, seal, key = content.get("functions"), content.get("seal"), _key()
        if key is None or not isinstance(seal, str) or not isinstance(functions, list):
            continue
        if hmac.compare_digest(_seal(functions, key).encode(), seal.encode()):
            _NAMED.update(functions)


def _seal(functions: list[Any], key: str) -> str:
    return hmac.new(key.encode(), json.dumps(functions).encode(), hashlib.sha256).hexdigest()


def _key() -> str | None:
    """What this user's seals are made with; None before the first."""
    try:
        return outside_text(_key_file(), InputError, 1024) or None
    except InputError:
        return None


def _new_key() -> str | None:
    """The key that is there from now on: this one, unless another process was quicker."""
    file = _key_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=file.parent)  # readable by this user alone
        try:
            with open(descriptor, "w", encoding="utf-8") as stream:
                stream.write(secrets.token_hex(_KEY_BYTES))
            with suppress(FileExistsError):
                os.link(name, file)
        finally:
            os.unlink(name)
    except OSError:
        return None
    return _key()


def _key_file() -> Path:
    """$XDG_STATE_HOME/netadapt/seal.key, or ~/.local/state/netadapt/seal.key."""
    base = os.environ.get("XDG_STATE_HOME")
    state = Path(base) if base else Path(os.path.expanduser("~")) / ".local" / "state"
    return state / "netadapt" / "seal.key"
