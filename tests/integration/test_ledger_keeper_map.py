"""The KeeperMap ledger on a real engine and a real Keeper; what one process can show is in ledger_probe.c."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sluice_stack import Stack
from sluice_testing.programs import REPOSITORY
from sluice_testing.scene import Scene


def _program() -> Path:
    return Path(os.environ.get("SLUICE_LEDGER_PROBE", REPOSITORY / "build/dev/tests/integration/ledger_probe"))


class Probe:
    """One process of ledger_probe; it says a word and waits for a line."""

    def __init__(self, stack: Stack, *arguments: str) -> None:
        self._process = subprocess.Popen([_program(), stack.service("clickhouse").url(), *arguments],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hear(self) -> str:
        """The next line it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the probe ended with {self._process.wait(60)}"
        return line.strip()

    def tell(self) -> None:
        """Lets it go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Waits for its end; every check in it held."""
        assert self._process.wait(120) == 0


def test_rows_races_and_lost_replies(stack: Stack) -> None:
    """Everything one process can show."""
    Probe(stack, "check").end()


def test_keeper_killed_and_back(stack: Stack) -> None:
    """A killed Keeper is an error that may be tried again; afterwards the row is the old or the new one, nothing else."""
    keeper = stack.service("zookeeper")
    probe = Probe(stack, "outage")
    try:
        assert probe.hear() == "ready"
        keeper.kill()
        probe.tell()
        assert probe.hear() == "refused"
    finally:
        keeper.start()
    probe.tell()
    probe.end()


def test_first_acquisition_of_many_partitions(scene: Scene) -> None:
    """512 partitions at their first start: one process takes them in one call, and two that start at once share them."""
    alone = Probe(scene.stack, "rival", scene.name, "512")
    assert alone.hear() == "ready"
    alone.tell()
    assert alone.hear() == "512 0"
    alone.end()
    scene.clickhouse.execute(f"DROP TABLE {scene.name}.rivals SYNC")

    rivals = [Probe(scene.stack, "rival", scene.name, "512") for _ in range(2)]
    for rival in rivals:
        assert rival.hear() == "ready"
    for rival in rivals:
        rival.tell()
    results = [tuple(map(int, rival.hear().split())) for rival in rivals]
    for rival in rivals:
        rival.end()
    assert sum(wins for wins, _ in results) == 512
    assert sum(lost for _, lost in results) == 512
    assert all(wins + lost == 512 for wins, lost in results)
    owners = scene.clickhouse.value(f"SELECT sum(epoch = 1 AND seq = 1) FROM {scene.name}.rivals")
    assert int(owners) == 512
    scene.clickhouse.execute(f"DROP TABLE {scene.name}.rivals SYNC")
