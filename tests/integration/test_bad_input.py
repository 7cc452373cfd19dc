"""Records that can't be stored: their partition stops by name, others go on, nothing before is lost, nothing is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until
from sluice_testing.worker import Worker


def _broken(table: Table) -> tuple[bytes, bytes]:
    key, value = table.row(4, "four")
    return key, value[:-20]


def _no_envelope(table: Table) -> tuple[bytes, bytes]:
    return table.key(4), b'{"id":4,"name":"four"}'


def _text(table: Table) -> tuple[bytes, bytes]:
    return table.key(4), b"hello"


def _null_key(table: Table) -> tuple[None, bytes]:
    return None, table.row(4, "four")[1]


def _too_large(table: Table) -> tuple[bytes, bytes]:
    return table.row(4, "four", 2**15)


def _wrong_type(table: Table) -> tuple[bytes, bytes]:
    return table.key(4), table.value("c", after={"id": 4, "name": "four", "n": "not a number"})


def _null_in_key_column(table: Table) -> tuple[bytes, bytes]:
    return table.key(4), table.value("c", after={"id": None, "name": "four", "n": 4})


def _no_position(table: Table) -> tuple[bytes, bytes]:
    value = json.loads(table.value("c", after={"id": 4, "name": "four", "n": 4}))
    del value["payload"]["source"]["lsn"]
    return table.key(4), table.wrap(value["payload"])


CASES: dict[str, tuple[Callable[[Table], tuple[Any, bytes]], str, list[str]]] = {
    # record, code in the log, words of the message
    "broken-json": (_broken, "json", []),
    "no-json": (_text, "avro", ["JSON", "Avro"]),
    "no-envelope": (_no_envelope, "envelope", ["source"]),
    "null-key": (_null_key, "key", ["key", "primary key"]),
    "value-out-of-range": (_too_large, "value", ['"n"']),
    "value-of-another-type": (_wrong_type, "value", ['"n"']),
    "null-in-key-column": (_null_in_key_column, "value", ['"id"']),
    "no-position": (_no_position, "position", ["source.lsn"]),
}


def _check_stopped(scene: Scene, worker: Worker, topic: str, partition: int, offset: int, code: str,
                   words: list[str]) -> None:
    """Log, /status, /readyz and metrics name the record; everything before it is committed."""
    line = worker.wait_event("partition_stopped", topic=topic)
    assert (line["partition"], line.get("offset")) == (partition, offset), line
    text = " ".join(str(value) for value in line.values())
    assert code in text.split(), line
    for word in words:
        assert word in text, (word, text)
    shown = wait_until(lambda: worker.partitions()[topic, partition], 10, "the partition in /status")
    assert shown["state"] == "stopped", shown
    assert topic in shown["error"] and f"partition {partition} offset {offset}" in shown["error"], shown
    status, ready = worker.get("/readyz")
    assert status == 503 and topic in ready and f"offset {offset}" in ready, ready
    assert worker.get("/livez")[0] == 200
    wait_until(lambda: worker.metric("stopped_partitions") == 1, 10, "the metric of stopped partitions")
    wait_until(lambda: scene.topics.committed(scene.name).get((topic, partition)) == offset, 10,
               f"offset {offset} is committed, the last one before the record")


@pytest.mark.parametrize("case", CASES)
def test_bad_record_stops_its_partition_alone(scene: Scene, case: str) -> None:
    """Three good rows, a bad one, a good one behind it; another partition and another topic go on. After the operator
    moved the offset past the record with Kafka's own tool, the worker goes on."""
    make, code, words = CASES[case]
    table, other = Table(scene.name, "bad"), Table(scene.name, "good")
    scene.topics.create(table.topic, partitions=2)
    scene.topics.create(other.topic)
    scene.topics.produce_many(table.topic, [table.row(i, f"row {i}", i) for i in (1, 2, 3)])
    bad = scene.topics.produce_many(table.topic, [make(table)])[0]
    table.lsn += 1000
    scene.topics.produce_many(table.topic, [table.row(5, "row 5", 5)])

    worker = scene.run()
    _check_stopped(scene, worker, table.topic, 0, bad, code, words)
    scene.topics.produce_many(table.topic, [table.row(100, "other partition", 1)], partition=1)
    scene.topics.produce_many(other.topic, [other.row(1, "other topic", 1)])
    wait_until(lambda: scene.clickhouse.final("good", "id") == [{"id": 1}], 20, "the other topic goes on")
    wait_until(lambda: [r["id"] for r in scene.clickhouse.final("bad", "id")] == [1, 2, 3, 100], 20,
               "rows before the record and of the other partition are stored, none behind it")
    assert worker.terminate() == 1
    assert scene.topics.committed(scene.name)[table.topic, 0] == bad

    scene.move_offset(table.topic, 0, bad + 1)
    worker.start()
    wait_until(lambda: [r["id"] for r in scene.clickhouse.final("bad", "id")] == [1, 2, 3, 5, 100], 20,
               "the worker went on behind the record")
    scene.wait_drained()
    assert worker.terminate() == 0


def test_sighup_starts_a_stopped_partition_again(scene: Scene) -> None:
    """The table lacked a column, an operator added it: after SIGHUP the partition goes on, nothing is lost."""
    table = Table(scene.name, "narrow")
    scene.clickhouse.execute("""CREATE TABLE narrow (id Int32, name Nullable(String), _version UInt128, is_deleted UInt8)
        ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id""")
    scene.topics.create(table.topic)
    offsets = scene.topics.produce_many(table.topic, [table.row(i, f"row {i}", i) for i in range(5)])
    worker = scene.worker(tables__create=False).launch()
    line = worker.wait_event("partition_stopped", topic=table.topic)
    assert line["offset"] == offsets[0]
    text = " ".join(map(str, line.values()))
    assert '"n"' in text and "narrow" in text, text
    assert scene.clickhouse.count("narrow") == 0

    scene.clickhouse.execute("ALTER TABLE narrow ADD COLUMN n Nullable(Int16)")
    worker.signal(1)
    wait_until(lambda: scene.clickhouse.count("narrow") == 5, 20, "the partition goes on after SIGHUP")
    scene.wait_drained()
    wait_until(lambda: worker.get("/readyz")[0] == 200, 10, "ready again")
    assert worker.partitions()[table.topic, 0]["error"] == ""
    worker.terminate()


def test_missing_table_without_create(scene: Scene) -> None:
    """tables.create: false names the statement to run; records without schema can't make a table at all."""
    table, plain = Table(scene.name, "absent"), Table(scene.name, "plain", with_schema=False)
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [table.row(1, "one", 1)])
    worker = scene.worker(tables__create=False).launch()
    text = worker.wait_event("partition_stopped", topic=table.topic)["error"]
    assert "table_missing" in text and "tables.create" in text and ".absent" in text, text
    statement = worker.wait_event("table_missing", table="absent")["statement"]
    assert worker.terminate() == 1
    scene.clickhouse.execute(statement)

    scene.topics.create(plain.topic)
    scene.topics.produce_many(plain.topic, [plain.row(1, "one", 1)])
    worker = scene.worker("second").launch()
    text = str(worker.wait_event("partition_stopped", topic=plain.topic))
    assert "plain" in text and "schema" in text, text
    wait_until(lambda: scene.clickhouse.count("absent") == 1, 20, "the other topic is stored")
    assert worker.terminate() == 1


def test_record_kinds_that_are_skipped(scene: Scene) -> None:
    """Tombstones, heartbeats, transaction records and logical messages of a real connector: counted, nothing stored."""
    scene.source.execute("CREATE TABLE kept (id int PRIMARY KEY, v text)")
    heartbeat = f"__debezium-heartbeat.{scene.name}"
    worker = scene.run(kafka__topics=[f"^{scene.name}\\..*", heartbeat])
    scene.connector("kept", provide__transaction__metadata="true", heartbeat__interval__ms="200")
    scene.wait_streaming()
    scene.source.execute("INSERT INTO kept VALUES (1, 'a'), (2, 'b')", "DELETE FROM kept WHERE id = 1",
                         "SELECT pg_logical_emit_message(true, 'prefix', 'content')",
                         "SELECT pg_logical_emit_message(false, 'prefix', 'no transaction')")
    for kind, least in (("tombstone", 1), ("heartbeat", 1), ("transaction", 4), ("message", 2)):
        wait_until(lambda k=kind, n=least: worker.metric("records_skipped_total", kind=k) >= n, 30,
                   f"{least} {kind} records are skipped")
    scene.wait_equal("kept")
    scene.wait_drained()
    assert scene.clickhouse.values(f"SELECT name FROM system.tables WHERE database = '{scene.name}'") == ["kept"]
    assert worker.metric("stopped_partitions") == 0
    assert worker.terminate() == 0


def test_unknown_types_are_refused_by_name(scene: Scene) -> None:
    """A numeric whose scale the connector garbles: refused when the table is planned, not guessed; another table goes on."""
    scene.source.execute("CREATE TABLE rounded (id int PRIMARY KEY, hundreds numeric(5,-2))",
                         "INSERT INTO rounded VALUES (1, 12300)",
                         "CREATE TABLE fine (id int PRIMARY KEY)", "INSERT INTO fine VALUES (1)")
    worker = scene.worker().launch()
    scene.connector("rounded,fine")
    line = worker.wait_event("partition_stopped", topic=scene.topic("rounded"))
    assert line["offset"] == 0 and '"hundreds"' in line["error"], line
    assert not scene.clickhouse.has_table("rounded")
    scene.wait_equal("fine")
    assert worker.terminate() == 1


def test_committed_offset_removed_by_retention(scene: Scene) -> None:
    """The group's offset is no longer in the topic: the partition stops by name instead of skipping what is gone."""
    table, other = Table(scene.name, "aged"), Table(scene.name, "fresh")
    scene.topics.create(table.topic, other.topic)
    scene.topics.produce_many(table.topic, [table.row(i, "x", 1) for i in range(10)])
    worker = scene.run()
    scene.wait_drained()
    assert worker.terminate() == 0
    scene.topics.produce_many(table.topic, [table.row(i, "y", 2) for i in range(10, 30)])
    what = scene.folder / "delete.json"
    what.write_text(json.dumps({"version": 1, "partitions": [{"topic": table.topic, "partition": 0, "offset": 20}]}))
    done = scene.stack.kafka_tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", str(what))
    assert done.returncode == 0, done.stdout + done.stderr

    worker.launch()
    line = worker.wait_event("partition_stopped", topic=table.topic)
    text = " ".join(map(str, line.values()))
    assert "kafka_offset" in text and re.search(r"\b10\b", text), text
    scene.topics.produce_many(other.topic, [other.row(1, "z", 1)])
    wait_until(lambda: scene.clickhouse.count("fresh") == 1, 20, "the other topic goes on")
    assert scene.clickhouse.count("aged") == 10
    assert worker.partitions()[table.topic, 0]["state"] == "stopped"
    assert worker.get("/readyz")[0] == 503
    assert scene.topics.committed(scene.name)[table.topic, 0] == 10
    assert worker.terminate() == 1
    scene.move_offset(table.topic, 0, 20)
    worker.start()
    wait_until(lambda: scene.clickhouse.count("aged") == 20, 20, "it goes on where the operator told it to")
    assert worker.terminate() == 0


def test_refused_inserts_are_told_and_survived(scene: Scene) -> None:
    """Server errors at inserts: those that may pass are retried until they do, and nothing is lost."""
    table = Table(scene.name, "tried")
    scene.topics.create(table.topic)
    worker = scene.run(retry__initial="20ms", retry__max="100ms")
    scene.topics.produce_many(table.topic, [table.row(0, "first", 1)])
    wait_until(lambda: scene.clickhouse.count("tried") == 1, 20, "the first row")
    for kind, options in (("refuse", {"code": 241, "count": 3}), ("refuse", {"code": 497, "count": 2}),
                          ("refuse", {"code": 252, "count": 2}), ("cut_before", {}), ("cut_after", {}),
                          ("status", {}), ("proxy", {"status": 503}), ("delay", {"ms": 300, "when": "after"})):
        before, count = worker.metric("retries_total"), scene.clickhouse.count("tried")
        scene.clickhouse.clear_faults()
        scene.clickhouse.fault(kind, **options)
        scene.topics.produce_many(table.topic, [table.row(count, f"{kind} {options}", 1)])
        wait_until(lambda c=count: scene.clickhouse.count("tried") == c + 1, 20, f"the row after {kind} {options}")
        assert scene.clickhouse.fault_hits() == options.get("count", 1), (kind, options)
        wait_until(lambda b=before, k=kind: k == "delay" or worker.metric("retries_total") > b, 5, f"a retry at {kind}")
    scene.wait_drained()
    text = str([line for line in worker.events("retry")])
    assert "241" in text and "497" in text and "grants" in text, text
    assert worker.get("/readyz")[0] == 200
    assert worker.terminate() == 0


def test_two_source_tables_for_one_target(scene: Scene) -> None:
    """Tables of one name in two schemas would mix in one target: the second is refused, both are named."""
    scene.source.execute("CREATE SCHEMA a", "CREATE SCHEMA b", "CREATE TABLE a.same (id int PRIMARY KEY)",
                         "CREATE TABLE b.same (id int PRIMARY KEY)", "INSERT INTO a.same VALUES (1)",
                         "INSERT INTO b.same VALUES (2)")
    worker = scene.run()
    scene.connector("a.same,b.same")
    line = worker.wait_event("partition_stopped")
    assert "a.same" in line["error"] and "b.same" in line["error"] and 'same"' in line["error"], line
    wait_until(lambda: scene.clickhouse.count("same") == 1, 20, "the first of them is stored")
    assert len(worker.events("partition_stopped")) == 1
    assert worker.terminate() == 1


def test_two_source_tables_for_one_target_across_a_restart(scene: Scene) -> None:
    """A worker that meets the second table first has no memory of the first: the target's comment tells whose it is."""
    first, second = Table(scene.name, "same"), Table(scene.name, "same")
    second.topic = f"{scene.name}.other.same"
    scene.topics.create(first.topic)
    scene.topics.produce_many(first.topic, [first.row(1, "one", 1)])
    worker = scene.run()
    scene.wait_drained()
    assert worker.terminate() == 0

    scene.topics.create(second.topic)
    scene.topics.produce_many(second.topic, [
        (second.key(1), second.value("c", after={"id": 1, "name": "other", "n": 2}, schema="other"))])
    worker.launch()
    line = worker.wait_event("partition_stopped", topic=second.topic)
    assert line["code"] == "table" and f'table "{scene.name}.same"' in line["error"], line
    assert "public.same" in line["error"] and "other.same" in line["error"] and "MODIFY COMMENT" in line["error"], line
    scene.topics.produce_many(first.topic, [first.row(2, "two", 2)])
    wait_until(lambda: scene.clickhouse.final("same", "id, name") ==
               [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}], 20, "the first goes on and nothing of the second is stored")
    assert worker.terminate() == 1


def test_row_larger_than_a_batch(scene: Scene) -> None:
    """A row beyond batch.max_bytes can't be sent: its partition stops and names the option; with it raised it goes on."""
    table = Table(scene.name, "wide")
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [table.row(1, "small", 1), table.row(2, "x" * 200_000, 1),
                                            table.row(3, "small", 1)])
    worker = scene.run(batch__max_bytes="64KiB")
    line = worker.wait_event("partition_stopped", topic=table.topic)
    assert line["offset"] == 1 and "batch.max_bytes" in line["error"], line
    wait_until(lambda: scene.clickhouse.count("wide") == 1, 20, "the row before it is stored")
    assert worker.terminate() == 1
    worker.options["batch.max_bytes"] = "1MiB"
    worker.start()
    wait_until(lambda: scene.clickhouse.count("wide") == 3, 20, "all rows are stored")
    assert worker.terminate() == 0


def test_topic_made_anew_under_its_old_name(scene: Scene) -> None:
    """The committed offset lies behind the end of the new topic: the partition stops by name, nothing is skipped."""
    table = Table(scene.name, "anew")
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [table.row(i, "old", 1) for i in range(20)])
    worker = scene.run()
    scene.wait_drained()
    assert worker.terminate() == 0
    for future in scene.topics.admin.delete_topics([table.topic]).values():
        future.result(20)
    wait_until(lambda: table.topic not in scene.topics.names(), 20, "the topic is gone")
    scene.topics.create(table.topic)
    # Deleting the topic took the group's offsets along; a restored or mirrored group still has them.
    scene.topics.produce_many(table.topic, [table.row(i, "new", 1) for i in range(100, 105)])
    scene.move_offset(table.topic, 0, 5)
    scene.topics.commit(scene.name, table.topic, 0, 20)
    worker.launch()
    line = worker.wait_event("partition_stopped", topic=table.topic)
    assert line["code"] == "kafka_offset" and "20" in line["error"] and "made anew" in line["error"], line
    assert scene.clickhouse.count("anew") == 20
    assert worker.terminate() == 1


def test_aborted_transactions_and_markers(scene: Scene) -> None:
    """A connector with exactly-once support writes transactions: aborted rows are not stored, and lag still reaches 0,
    though the last offsets are markers that no consumer sees."""
    table = Table(scene.name, "transacted")
    scene.topics.create(table.topic)
    worker = scene.run()
    scene.topics.produce_transaction(table.topic, [table.row(1, "one", 1), table.row(2, "two", 1)])
    scene.topics.produce_transaction(table.topic, [table.row(1, "never", 1), table.row(3, "never", 1)], abort=True)
    scene.topics.produce_transaction(table.topic, [table.row(4, "four", 1)])
    scene.topics.produce_transaction(table.topic, [table.row(4, "never", 1)], abort=True)
    wait_until(lambda: scene.clickhouse.final("transacted", "id, name") ==
               [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}, {"id": 4, "name": "four"}], 20, "committed rows")
    scene.wait_drained(20)
    wait_until(lambda: worker.metric("lag_records") == 0, 20, "no lag is shown")
    assert worker.terminate() == 0


def test_first_of_two_clickhouse_addresses_is_dead(scene: Scene) -> None:
    """The addresses are tried in turn."""
    table = Table(scene.name, "second")
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [table.row(1, "one", 1)])
    worker = scene.run(clickhouse__url=["http://127.0.0.1:9", scene.clickhouse.url])
    wait_until(lambda: scene.clickhouse.count("second") == 1, 20, "the row is stored")
    scene.wait_drained()
    assert worker.terminate() == 0
