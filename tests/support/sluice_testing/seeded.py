"""What the suites that draw from a seed share: their arguments, the programs under test, their folder and services."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sluice_stack import Stack

from .programs import REPOSITORY


def parser(prog: str, description: str, build: str) -> argparse.ArgumentParser:
    """With the arguments of every such suite; `build` is the preset whose programs are tested unless told otherwise."""
    made = argparse.ArgumentParser(prog=prog, description=description)
    made.add_argument("--seed", type=int, help="the first seed, from which everything is drawn (default: drawn, and told)")
    made.add_argument("--seconds", type=float, default=0, help="go on with further seeds until so much time is over")
    made.add_argument("--build", type=Path, default=REPOSITORY / "build" / build,
                      help=f"where the programs were built (default build/{build})")
    made.add_argument("--state", type=Path, help="state folder of the services (default: made and removed)")
    made.add_argument("--keep", action="store_true", help="leave the services running and what was made in them")
    return made


def prepare(options: argparse.Namespace, name: str, **of_stack: object) -> tuple[Path, Stack]:
    """The folder of the run and its services, which are not started; the programs of --build become those under test."""
    os.environ["SLUICE_BIN"] = str(options.build / "cmd/sluice/sluice")
    own = options.build / "cmd/clickhouse-embedded/clickhouse-embedded"
    if "SLUICE_CLICKHOUSE_EMBEDDED" not in os.environ and own.exists():
        os.environ["SLUICE_CLICKHOUSE_EMBEDDED"] = str(own)
    folder = options.build / f"{name}-run"
    folder.mkdir(parents=True, exist_ok=True)
    return folder, Stack(options.state or folder / f"stack-{os.getpid()}", **of_stack)


def main(run: Callable[[argparse.Namespace], int], arguments: argparse.ArgumentParser) -> None:
    """Runs the suite in UTC and ends the program with what it returns."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    sys.exit(run(arguments.parse_args()))
