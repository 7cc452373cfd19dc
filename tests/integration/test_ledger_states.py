"""What the ledger can't decide by itself stops one partition in a named state, with a remedy that works.

Every test has a second topic, whose partition goes on; the remedies use Kafka's own tool.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from sluice_testing.once import LEDGER, Once, ledger_row, set_ledger_row, wait_state
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.stored import check_each_once, data_offsets, difference, stored_offsets, wait_stored
from sluice_testing.wait import wait_until
from sluice_testing.worker import run_sluice

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
        wait_until(lambda: self.worker.metric("stopped_partitions") == 1, 10, "one stopped partition is counted")

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


def test_damaged_row(scene: Scene) -> None:
    """Somebody edited a row: its partition waits for a repair, whose answer it takes; the other one goes on."""
    two = Two(scene)
    row = ledger_row(scene, two.once.topic)
    set_ledger_row(scene, {**row, "state": row["state"].replace(" next=", " next=x")})
    two.once.produce(10, start=100)
    two.worker.start()
    two.wait_stopped("row_damaged")
    assert two.worker.terminate() == 1
    done = run_sluice("ledger", "repair", "-c", str(two.worker.config), "--topic", two.once.topic, "--from-group", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    two.worker.start()
    two.once.check()
    two.end()


def _delete_records(scene: Scene, topic: str, before: int) -> None:
    """As retention does: the records below an offset are gone."""
    for future in scene.topics.admin.delete_records([TopicPartition(topic, 0, before)]).values():
        future.result(20)


def _wait_stored_again(once: Once, before: Counter[tuple[str, int, int]], since: int) -> None:
    """Waits until what the topic has from an offset on is stored once more, and everything else as before."""
    there = data_offsets(once.scene.topics, once.topic)
    wanted = before + Counter(offset for offset in there if offset[2] >= since)

    def stored() -> bool:
        different = difference(wanted, stored_offsets(once.scene.clickhouse, once.table.name))
        assert not different, different
        return True
    wait_until(stored, 30, f"the rows of {once.topic}")


@pytest.mark.parametrize("lost", ["stop", "earliest"])
def test_records_are_gone(scene: Scene, lost: str) -> None:
    """Retention was faster than the worker, at rest and with a range open; a topic was deleted and made again under its
    name, with fewer and with more records than were read of the old one (the group's offset goes with a topic, so the
    ledger still has the last range open)."""
    good = Once(scene, "good", on_offset_lost=lost, **OPTIONS)
    worker = good.worker
    closed, opened, fewer, more = (Once(scene, name, worker=worker) for name in ("closed", "opened", "fewer", "more"))
    bad = {closed: ("offset_out_of_range", 55), opened: ("range_not_rebuildable", 55),
           fewer: ("range_not_rebuildable", 0), more: ("topic_made_anew", 0)}
    worker.start()
    for number in (1, 2):
        for once in (good, *bad):
            once.produce(20)
        for once in (good, *bad):
            wait_stored(scene.clickhouse, once.table.name, 20 * number)
        scene.wait_drained()
    scene.clickhouse.fault("refuse", code=241, count=1000000, match=f"INSERT INTO `{scene.name}`.`opened`")
    opened.produce(30)
    wait_until(lambda: scene.clickhouse.fault_hits() > 0, 30, "a range is open")
    worker.kill9()
    scene.clickhouse.clear_faults()
    closed.produce(30)
    for once in (closed, opened):
        _delete_records(scene, once.topic, 55)
    fewer.make_anew(5)
    more.make_anew(60)
    before = {once: stored_offsets(scene.clickhouse, once.table.name) for once in bad}
    worker.start()
    good.produce(10)
    wait_stored(scene.clickhouse, "good", 50)
    if lost == "stop":
        for once, (state, _) in bad.items():
            line = str(wait_state(worker, once.topic, state))
            assert "Kafka tool" in line, "the remedy is named"
            assert state != "range_not_rebuildable" or re.search(r"range_not_rebuildable \(offsets \d+ to \d+\):", line), line
        wait_until(lambda: worker.metric("stopped_partitions") == 4, 10, "the stopped partitions are counted")
        assert worker.terminate() == 1, "a worker with a stopped partition ends with 1"
        scene.reset_offsets(*(word for once in bad for word in ("--topic", once.topic)), "--to-earliest")
        worker.start()
    for once, (_, since) in bad.items():
        _wait_stored_again(once, before[once], since)
    scene.wait_drained()
    assert worker.metric("ledger_resets_total") == 4
    assert worker.metric("stopped_partitions") == 0
    assert worker.terminate() == 0


def test_topic_made_anew_after_its_first_range(scene: Scene) -> None:
    """There is no record before the open range to compare, but its last one is known too."""
    two = Two(scene)
    before = stored_offsets(scene.clickhouse, "t")
    two.once.make_anew(60)
    two.worker.start()
    two.wait_stopped("topic_made_anew")
    two.remedy(0)
    _wait_stored_again(two.once, before, 0)
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


def test_several_servers_and_no_table(scene: Scene) -> None:
    """A table that exactly once would refuse on several servers is not made in the first place."""
    two = [scene.clickhouse.url, scene.clickhouse.url.replace("127.0.0.1", "localhost")]
    once = Once(scene, clickhouse__url=two, **OPTIONS)
    once.worker.start()
    once.produce(1)
    line = once.worker.wait_event("partition_stopped", 30, topic=once.topic)
    assert "clickhouse.url names 2 servers" in str(line), line
    assert not scene.clickhouse.value(f"SELECT count() FROM system.tables WHERE database = '{scene.name}' AND name = 't'")
    assert once.worker.terminate() == 1
