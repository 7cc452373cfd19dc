"""An operator moves the group's offset with Kafka's own tools while the worker is away: done once, whatever comes between.

What must be stored follows from what was: every offset from the new position on gets one row more, the others none.
"""

from __future__ import annotations

import pytest
from sluice_testing.once import OPTIONS_AT_REST, Once
from sluice_testing.scene import Scene
from sluice_testing.stored import stored_offsets

# By partition: what is done with the group's offset. Offsets 0 to 19 of each are stored at rest; behind them, but not in
# partition 0, is a range that is open when the worker is killed. Partition 6 is left alone, so its range is finished.
RESETS: dict[int, tuple[int, list[str]]] = {
    0: (0, ["--to-earliest"]), 1: (31, ["--to-offset", "31"]), 2: (13, ["--shift-by", "-7"]),
    3: (20, ["--shift-by", "0"]), 4: (45, []), 5: (5, [])}
UNTOUCHED = 6


# With Kafka's own tool, or with an admin client, which is faster.
@pytest.mark.parametrize(("ledger", "point", "with_tool"), [("keeper_map", "after_open", True),
                                                            ("keeper_map", "after_ack", False),
                                                            ("kafka", "after_open", False)])
def test_resets_are_honoured_once(scene: Scene, ledger: str, point: str, with_tool: bool) -> None:
    """To earlier and later, with a range open, and the worker is killed again while it takes the new positions."""
    once = Once(scene, partitions=7, ledger=ledger, **OPTIONS_AT_REST)
    once.run_and_store(20, partitions=7)
    assert once.worker.terminate() == 0
    for partition in range(1, 7):
        once.produce(30, partition, start=20)
    once.run_until_killed(point, passing=3)
    scene.topics.wait_empty(scene.name)
    for partition, (offset, how) in RESETS.items():
        if with_tool and how:
            scene.reset_offsets("--topic", f"{once.topic}:{partition}", *how)
        else:
            scene.topics.commit(scene.name, once.topic, partition, offset)
    committed = scene.topics.committed(scene.name)
    before = stored_offsets(scene.clickhouse, "t")
    positions = {partition: committed[once.topic, partition] for partition in RESETS}
    assert positions == {partition: offset for partition, (offset, _) in RESETS.items()}
    # The rest of what was open is stored once, whatever of it is there already.
    positions[UNTOUCHED] = 1000000
    before.update(set(once.offsets(range(20, 50), UNTOUCHED)) - set(before))
    once.run_until_killed("after_acquire", passing=3)
    once.worker.start()
    once.check_replayed(before, positions)
    assert {line["partition"] for line in once.worker.events("offset_reset")} <= set(RESETS)
    assert {line["partition"] for line in once.worker.events("range_replayed")} <= {UNTOUCHED}
    # The Kafka ledger's row is the commit, so the killed one had honoured all of them with one write.
    assert (once.worker.metric("ledger_resets_total") > 0) == (ledger == "keeper_map")

    stored = stored_offsets(scene.clickhouse, "t")
    assert once.worker.terminate() == 0
    for partition in range(7):
        once.produce(1, partition, start=1000)
    once.worker.start()
    once.check_replayed(stored, {partition: 20 if partition == 0 else 50 for partition in range(7)})
    assert once.worker.metric("ledger_resets_total") == 0, "an offset with our mark is no reset"
    assert once.worker.terminate() == 0


def test_two_resets_with_one_start_between_them(scene: Scene) -> None:
    """The same position twice is two wishes: what is replayed the second time is no duplicate of the first time."""
    once = Once(scene, **OPTIONS_AT_REST)
    once.run_and_store(20)
    for _ in range(2):
        assert once.worker.terminate() == 0
        before = stored_offsets(scene.clickhouse, "t")
        scene.topics.wait_empty(scene.name)
        scene.topics.commit(scene.name, once.topic, 0, 12)
        once.worker.start()
        once.check_replayed(before, {0: 12})
    assert once.rows() == 36
    assert once.worker.terminate() == 0


def test_expired_offsets_are_no_reset(scene: Scene) -> None:
    """The group is gone, as after a long holiday: the ledger knows where to go on."""
    once = Once(scene, **OPTIONS_AT_REST)
    once.run_and_store(20)
    assert once.worker.terminate() == 0
    scene.topics.wait_empty(scene.name)
    for future in scene.topics.admin.delete_consumer_groups([scene.name]).values():
        future.result(20)
    once.produce(10, start=100)
    once.worker.start()
    once.check()
    assert once.worker.metric("ledger_resets_total") == 0
    assert once.worker.terminate() == 0
