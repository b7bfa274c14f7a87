"""Runs an experiment anew: the commands of experiments/NAME/experiment.toml, one after another.

    python scripts/experiment.py boards

From the root of the repository; `python` and `netadapt` are those of the interpreter that runs it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path("experiments")


def main(names: list[str]) -> int:
    known = sorted(path.parent.name for path in FOLDER.glob("*/experiment.toml"))
    if len(names) != 1 or names[0] not in known:
        print(f"expected one of the experiments {', '.join(known)}", file=sys.stderr)
        return 2
    told = tomllib.loads((FOLDER / names[0] / "experiment.toml").read_text(encoding="utf-8"))
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    for command in told["commands"]:
        print(command, flush=True)
        code = subprocess.run(shlex.split(command), env=environment, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
