"""Waiting for a condition with a deadline; nothing here sleeps for a fixed time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# One factor for slow machines and sanitizers.
SCALE = float(os.environ.get("SLUICE_TEST_SCALE", "1"))


def wait_until(condition: Callable[[], T], seconds: float, what: str, every: float = 0.05) -> T:
    """Calls the condition until it returns something true, and returns that.

    An AssertionError or OSError of the condition counts as "not yet"; the last one is told when time is up.
    """
    deadline = time.monotonic() + seconds * SCALE
    while True:
        last: object = None
        try:
            found = condition()
            if found:
                return found
            last = found
        except (AssertionError, OSError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds * SCALE:.0f} s: {what}; last seen: {last}")
        time.sleep(every)
