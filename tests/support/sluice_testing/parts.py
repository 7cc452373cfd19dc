"""The moment at which ClickHouse puts an inserted part in place, and what can go wrong there.

A MergeTree registers the deduplication token of an insert before it renames the part from tmp_insert_... to its name.
Whatever happens between the two leaves a token without rows: the engine then answers 200 to the same insert and stores
nothing. rename_fault.c (tests/integration) sits in the server process and lets one such rename kill it or fail.
"""

from __future__ import annotations

import os
from pathlib import Path

from sluice_stack import Stack

from .wait import wait_until


def _library() -> Path:
    named = os.environ.get("SLUICE_RENAME_FAULT_LIBRARY")
    path = Path(named) if named else Path(__file__).parents[3] / "build/dev/tests/integration/librename_fault.so"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: build target rename_fault, or name it in "
                                "SLUICE_RENAME_FAULT_LIBRARY")
    return path


class RenameFault:
    """ClickHouse of the stack with the fault built in; it starts again without at the end of the with block."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._server = stack.service("clickhouse")
        self._order = folder / "rename_fault"

    def __enter__(self) -> RenameFault:
        environment = {**os.environ, "LD_PRELOAD": str(_library()), "SLUICE_RENAME_FAULT": str(self._order)}
        self._server.environment = lambda: environment  # type: ignore[method-assign]
        self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        del self._server.environment
        self._order.unlink(missing_ok=True)
        self.restart()

    def restart(self) -> None:
        """Stops it if it runs, and starts it."""
        self._server.stop()
        self._server.start()

    def arm(self, what: str, text: str, skip: int = 0) -> None:
        """The rename after `skip` of those whose path contains text: `what` is kill (the process) or fail (with EIO)."""
        partial = self._order.with_suffix(".new")
        partial.write_text(f"{what} {skip} {text}\n")
        partial.rename(self._order)

    def wait_hit(self, seconds: float = 30) -> None:
        """Waits until the armed rename did not take place."""
        wait_until(lambda: not self._order.exists(), seconds, "the rename of the part was hit")

    def wait_killed(self, seconds: float = 30) -> None:
        """Waits until the rename has killed the server."""
        self.wait_hit(seconds)
        wait_until(lambda: not self._server.running(), seconds, "the server is gone")
