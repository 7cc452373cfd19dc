"""The stack of the run and the scene of each test.

SLUICE_TEST_STACK names the state folder of a stack that somebody else keeps up (ctest's fixture does); without it one is
started for this run under build/ and removed afterwards.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sluice_stack import Stack
from sluice_testing.programs import REPOSITORY, sluice
from sluice_testing.scene import Scene

SERVICES = ["postgres", "kafka", "connect", "zookeeper", "clickhouse"]

_TIMES: dict[str, float] = {}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The real services."""
    sluice()
    kept = os.environ.get("SLUICE_TEST_STACK")
    if kept:
        running = Stack(kept, faults=True)
        running.up(SERVICES)  # brings back what an earlier test left down
        yield running
        return
    (REPOSITORY / "build").mkdir(exist_ok=True)
    own = Stack(REPOSITORY / "build" / f"stack-{os.getpid()}", faults=True)
    try:
        own.up(SERVICES)
        yield own
    finally:
        own.down(purge=True)


@pytest.fixture
def scene(stack: Stack, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Names, databases and topics of this test alone."""
    made = Scene(stack, tmp_path, request.node.originalname)
    yield made
    made.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed test shows the ends of the logs that belong to it."""
    report = yield
    _TIMES[item.nodeid] = _TIMES.get(item.nodeid, 0.0) + call.duration
    scene = getattr(item, "funcargs", {}).get("scene")
    if report.failed and isinstance(scene, Scene):
        report.sections += scene.logs()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Each file's time, so that a slow one is seen."""
    files: dict[str, float] = {}
    for node, seconds in _TIMES.items():
        name = node.partition("::")[0]
        files[name] = files.get(name, 0.0) + seconds
    for name, seconds in sorted(files.items()):
        terminalreporter.write_line(f"{seconds:7.1f} s  {name}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that is skipped shows nothing: none may be."""
    for item in items:
        assert not list(item.iter_markers("skip")), f"{item.nodeid}: integration tests are never skipped"


def pytest_sessionstart() -> None:
    """Logs and servers speak UTC."""
    os.environ["TZ"] = "UTC"
    time.tzset()
