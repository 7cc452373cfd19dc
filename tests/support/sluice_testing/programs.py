"""Where the programs under test are."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def sluice() -> Path:
    """The worker: $SLUICE_BIN, else that of the dev preset. A missing one is an error, never a skip."""
    named = os.environ.get("SLUICE_BIN")
    path = Path(named) if named else REPOSITORY / "build/dev/cmd/sluice/sluice"
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is no executable file: build it with `cmake --build --preset dev`, or name "
                                "the program in SLUICE_BIN")
    return path.absolute()


def has_sanitizer(path: Path) -> bool:
    """True if the program was built with AddressSanitizer, whose memory use says nothing about the product's."""
    return b"__asan_init" in path.read_bytes()
