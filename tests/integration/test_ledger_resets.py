"""An operator moves the group's offset with Kafka's own tools while the worker is away: done once, whatever comes between.

What must be stored follows from what was: every offset from the new position on gets one row more, the others none.
"""

from __future__ import annotations

from collections import Counter

import pytest
from sluice_testing.once import Once
from sluice_testing.scene import Scene
from sluice_testing.stored import data_offsets, difference, stored_offsets
from sluice_testing.wait import wait_until

# No static member: the group is to be empty soon after the worker's end, else Kafka's tool refuses.
OPTIONS = {"kafka__group__instance__id": None, "kafka__session__timeout__ms": 1500, "kafka__heartbeat__interval__ms": 300}


def _wait_empty(scene: Scene) -> None:
    wait_until(lambda: scene.topics.members(scene.name) == 0, 30, "the group has no members")


def _reset(once: Once, *how: str) -> int:
    """Kafka's tool; the offset that it set."""
    _wait_empty(once.scene)
    done = once.scene.stack.kafka_tool("groups", "--group", once.scene.name, "--topic", once.topic, "--reset-offsets",
                                       *how, "--execute")
    assert done.returncode == 0 and "Error" not in done.stdout, done.stdout + done.stderr
    return once.scene.topics.committed(once.scene.name)[once.topic, 0]


def _check_replayed(once: Once, before: Counter[tuple[str, int, int]], position: int) -> None:
    """Offsets from the position on have one row more than before."""
    once.scene.wait_drained()
    there = data_offsets(once.scene.topics, once.topic)
    wanted = before + Counter(offset for offset in there if offset[2] >= position)
    different = difference(wanted, stored_offsets(once.scene.clickhouse, once.table.name))
    assert not different, different


# What the worker was doing when it ended (None: it ended at rest), and what the tool does: offsets 0 to 19 were stored
# before, 20 to 49 are the range that is open.
CASES = [
    (None, ["--to-earliest"]),
    (None, ["--shift-by", "-7"]),
    ("after_open", ["--to-offset", "5"]),
    ("after_open", ["--to-offset", "31"]),
    ("after_ack", ["--to-offset", "31"]),
    ("after_ack", ["--shift-by", "0"]),
    ("after_commit", ["--to-earliest"]),
]


@pytest.mark.parametrize(("point", "how"), CASES, ids=lambda part: "-".join(part) if isinstance(part, list) else part)
def test_reset_is_honoured_once(scene: Scene, point: str | None, how: list[str]) -> None:
    """Also with a range open, and when the worker is killed right after the ledger took the new position."""
    once = Once(scene, **OPTIONS)
    once.run_and_store(20)
    if point is None:
        once.produce(30, start=20)
        once.check()
        assert once.worker.terminate() == 0
    else:
        assert once.worker.terminate() == 0
        once.produce(30, start=20)
        once.run_until_killed(point)
    position = _reset(once, *how)
    before = stored_offsets(scene.clickhouse, "t")
    once.run_until_killed("after_acquire")
    once.worker.start()
    _check_replayed(once, before, position)
    assert once.worker.metric("ledger_resets_total") == 1
    assert once.worker.metric("ledger_replays_total") == 0, "a range that was open is given up"

    stored = stored_offsets(scene.clickhouse, "t")
    assert once.worker.terminate() == 0
    new = once.produce(5, start=1000)
    once.worker.start()
    _check_replayed(once, stored, new[0])
    assert once.worker.metric("ledger_resets_total") == 0, "an offset with our mark is no reset"
    assert once.worker.terminate() == 0


@pytest.mark.parametrize(("point", "position"), [(None, 0), ("after_open", 31), ("after_ack", 10)])
def test_reset_with_the_kafka_ledger(scene: Scene, point: str | None, position: int) -> None:
    """The tool erases the mark, and the row with it; set by an admin client this time."""
    once = Once(scene, ledger="kafka", **OPTIONS)
    once.run_and_store(20)
    assert once.worker.terminate() == 0
    once.produce(30, start=20)
    if point is not None:
        once.run_until_killed(point)
    _wait_empty(scene)
    scene.topics.commit(scene.name, once.topic, 0, position)
    before = stored_offsets(scene.clickhouse, "t")
    once.run_until_killed("after_acquire")
    once.worker.start()
    _check_replayed(once, before, position)
    stored = stored_offsets(scene.clickhouse, "t")
    assert once.worker.terminate() == 0
    new = once.produce(5, start=1000)
    once.worker.start()
    _check_replayed(once, stored, new[0])
    assert once.worker.terminate() == 0


def test_two_resets_with_one_start_between_them(scene: Scene) -> None:
    """The same position twice is two wishes: what is replayed the second time is no duplicate of the first time."""
    once = Once(scene, **OPTIONS)
    once.run_and_store(20)
    for _ in range(2):
        assert once.worker.terminate() == 0
        before = stored_offsets(scene.clickhouse, "t")
        _wait_empty(scene)
        scene.topics.commit(scene.name, once.topic, 0, 12)
        once.worker.start()
        _check_replayed(once, before, 12)
    assert once.rows() == 36
    assert once.worker.terminate() == 0


def test_expired_offsets_are_no_reset(scene: Scene) -> None:
    """The group is gone, as after a long holiday: the ledger knows where to go on."""
    once = Once(scene, **OPTIONS)
    once.run_and_store(20)
    assert once.worker.terminate() == 0
    _wait_empty(scene)
    for future in scene.topics.admin.delete_consumer_groups([scene.name]).values():
        future.result(20)
    once.produce(10, start=100)
    once.worker.start()
    once.check()
    assert once.worker.metric("ledger_resets_total") == 0
    assert once.worker.terminate() == 0
