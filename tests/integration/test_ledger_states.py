"""What the ledger can't decide by itself stops one partition in a named state, with a remedy that works.

Every test has a second topic, whose partition goes on; the remedies use Kafka's own tool.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from sluice_testing.once import LEDGER, Once, ledger_row, set_ledger_row, wait_state
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.stored import check_each_once, data_offsets, difference, stored_offsets, wait_stored
from sluice_testing.wait import wait_until

OPTIONS = {"kafka__group__instance__id": None, "kafka__session__timeout__ms": 1500, "kafka__heartbeat__interval__ms": 300}


class Two:
    """Topic t, which gets into trouble, and topic other, which does not."""

    def __init__(self, scene: Scene, **options: Any) -> None:
        self.scene = scene
        self.once = Once(scene, **{**OPTIONS, **options})
        self.worker = self.once.worker
        self.other = Table(scene.name, "other")
        self._others = 0
        scene.topics.create(self.other.topic)
        self.produce_other()
        self.once.run_and_store(20)
        assert self.worker.terminate() == 0

    def produce_other(self) -> None:
        """Ten rows more for the topic without trouble."""
        rows = [self.other.row(self._others + i, "other", 1) for i in range(10)]
        self.scene.topics.produce_many(self.other.topic, rows)
        self._others += 10

    def wait_stopped(self, state: str) -> None:
        """The partition of t is stopped in that state; that of other goes on."""
        line = wait_state(self.worker, self.once.topic, state)
        assert any(word in str(line) for word in ("Kafka tool", "sluice ledger repair")), line
        self.produce_other()
        wait_stored(self.scene.clickhouse, "other", self._others)
        shown = self.worker.partitions()
        assert shown[self.other.topic, 0]["state"] == "running", shown
        assert self.worker.metric("stopped_partitions") == 1

    def remedy(self, offset: int) -> None:
        """Stops the worker, moves the group's offset, starts it again."""
        assert self.worker.terminate() == 1, "a worker with a stopped partition ends with 1"
        self.scene.move_offset(self.once.topic, 0, offset)
        self.worker.start()

    def end(self) -> None:
        """Everything is committed, the other topic's rows are stored once, the worker ends well."""
        self.scene.wait_drained()
        check_each_once(self.scene.topics, self.scene.clickhouse, [self.other.topic], ["other"])
        assert self.worker.metric("stopped_partitions") == 0
        assert self.worker.terminate() == 0


def test_ledger_lost(scene: Scene) -> None:
    """The ledger's table was dropped; topics that come now are taken in, the others wait for a person."""
    two = Two(scene)
    scene.clickhouse.execute(f"DROP TABLE {LEDGER} SYNC")
    two.once.produce(10, start=100)
    two.worker.start()
    for topic in (two.once.topic, two.other.topic):
        wait_state(two.worker, topic, "ledger_lost")
    fresh = Table(scene.name, "fresh")
    scene.topics.create(fresh.topic)
    scene.topics.produce_many(fresh.topic, [fresh.row(1, "new", 1)])
    wait_stored(scene.clickhouse, "fresh", 1)
    assert two.worker.terminate() == 1
    scene.move_offset(two.once.topic, 0, 20)
    scene.move_offset(two.other.topic, 0, 10)
    two.worker.start()
    two.once.check()
    two.end()


def test_ledger_set_back(scene: Scene) -> None:
    """A restored Keeper: the ledger's row is older than the mark of the group's offset."""
    two = Two(scene)
    old = ledger_row(scene, two.once.topic)
    two.worker.start()
    two.once.produce(10, start=100)
    two.once.check()
    assert two.worker.terminate() == 0
    assert ledger_row(scene, two.once.topic)["seq"] > old["seq"]
    set_ledger_row(scene, old)
    two.once.produce(10, start=200)
    two.worker.start()
    two.wait_stopped("ledger_behind")
    two.remedy(30)
    two.once.check()
    two.end()


def _delete_records(scene: Scene, topic: str, before: int) -> None:
    """As retention does: the records below an offset are gone."""
    for future in scene.topics.admin.delete_records([TopicPartition(topic, 0, before)]).values():
        future.result(20)


def _check_there(two: Two, before: Counter[tuple[str, int, int]], since: int) -> None:
    """What the topic has from an offset on is stored once more, everything else as before."""
    two.scene.wait_drained()
    there = data_offsets(two.scene.topics, two.once.topic)
    wanted = before + Counter(offset for offset in there if offset[2] >= since)
    different = difference(wanted, stored_offsets(two.scene.clickhouse, "t"))
    assert not different, different


@pytest.mark.parametrize("point", [None, "after_open", "after_ack"])
@pytest.mark.parametrize("lost", ["stop", "earliest"])
def test_records_gone(scene: Scene, point: str | None, lost: str) -> None:
    """Retention was faster than the worker; with a range open it can't be rebuilt."""
    two = Two(scene)
    two.once.produce(30, start=100)
    if point is not None:
        two.once.run_until_killed(point)
    _delete_records(scene, two.once.topic, 35)
    before = stored_offsets(scene.clickhouse, "t")
    two.worker.options["on_offset_lost"] = lost
    two.worker.start()
    if lost == "stop":
        two.wait_stopped("offset_out_of_range" if point is None else "range_not_rebuildable")
        two.remedy(35)
    _check_there(two, before, 35)
    assert two.worker.metric("ledger_resets_total") == 1
    two.end()


@pytest.mark.parametrize("lost", ["stop", "earliest"])
@pytest.mark.parametrize(("rows", "state"), [(5, "offset_out_of_range"), (40, "topic_made_anew")])
def test_topic_made_anew(scene: Scene, rows: int, state: str, lost: str) -> None:
    """The topic was deleted and made again under its name, with fewer or more records than were read of the old one."""
    two = Two(scene)
    before = stored_offsets(scene.clickhouse, "t")
    scene.topics.admin.delete_topics([two.once.topic])[two.once.topic].result(20)
    wait_until(lambda: two.once.topic not in scene.topics.names(), 20, "the topic is gone")

    def made() -> bool:
        try:
            scene.topics.create(two.once.topic)
        except Exception as error:  # the broker may still be deleting it
            raise AssertionError(str(error)) from error
        return True
    wait_until(made, 20, "the topic is there again", every=0.2)
    two.once.produce(rows, start=500, size=11)
    two.worker.options["on_offset_lost"] = lost
    two.worker.start()
    if lost == "stop":
        two.wait_stopped(state)
        two.remedy(0)
    _check_there(two, before, 0)
    two.end()


@pytest.mark.parametrize("change", [{"clickhouse.ledger_path": "/another_ledger", "clickhouse.ledger_table": "another"},
                                    {"ledger": "kafka"}])
def test_another_ledger_than_before(scene: Scene, change: dict[str, str]) -> None:
    """The mark beside the group's offset names the ledger it was committed with: exit code 3, nothing is read."""
    two = Two(scene)
    before = dict(two.worker.options)
    two.once.produce(10, start=100)
    two.worker.options.update(change)
    two.worker.launch()
    assert two.worker.wait_ended(30) == 3
    text = two.worker.log_text()
    assert "other_ledger" in text and "clickhouse.ledger_path" in text and two.once.topic in text, text
    assert two.once.rows() == 20
    two.worker.options = before
    two.worker.start()
    two.once.check()
    two.end()


@pytest.mark.parametrize("ledger", ["keeper_map", "kafka"])
def test_from_at_least_once_to_exactly_once(scene: Scene, ledger: str) -> None:
    """The group's offsets of before are taken over without a gap and without a row twice."""
    once = Once(scene, delivery="at_least_once", ledger=ledger, **OPTIONS)
    once.run_and_store(20)
    assert once.worker.terminate() == 0
    once.worker.options["delivery"] = "exactly_once"
    once.produce(10, start=100)
    once.worker.start()
    once.check()
    once.worker.kill9()
    once.produce(10, start=200)
    once.worker.start()
    once.check()
    assert once.worker.terminate() == 0
