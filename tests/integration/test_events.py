"""Every kind of event that is no plain change of one table's row."""

from __future__ import annotations

import json
from typing import Any

from sluice_testing.records import Table, envelope
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until


def _payloads(scene: Scene, topic: str) -> list[dict[str, Any]]:
    found = [json.loads(message.value()) for message in scene.topics.read(topic) if message.value() is not None]
    return [record.get("payload", record) for record in found]


def test_case_18_records_that_carry_no_row(scene: Scene) -> None:
    """Messages, heartbeats, transaction records and notifications of the real connector, and its signalling table, which
    is a table like any other: skipped and counted, incremental and blocking snapshots come out right.

    Also cases 1, 3 and 5: overlapping transactions, reads before and after changes of their keys, COPY.
    """
    scene.source.execute(
        "CREATE TABLE signals (id text PRIMARY KEY, type text, data text)",
        "CREATE TABLE items (id int PRIMARY KEY, v text)",
        "INSERT INTO items SELECT i, 'v' || i FROM generate_series(1, 400) i")
    scene.topics.create(f"{scene.name}.notices")
    worker = scene.run(kafka__topics=[f"^{scene.name}\\..*", f"__debezium-heartbeat.{scene.name}"])
    scene.connector("items,signals", provide__transaction__metadata="true", heartbeat__interval__ms="200",
                    signal__data__collection="public.signals", incremental__snapshot__chunk__size="50",
                    notification__enabled__channels="sink", notification__sink__topic__name=f"{scene.name}.notices",
                    skipped__operations="none")
    scene.wait_equal("items")
    scene.wait_streaming()
    scene.source.execute("SELECT pg_logical_emit_message(true, 'note', 'text')",
                         "SELECT pg_logical_emit_message(false, 'note', 'text')")
    signal = ("INSERT INTO signals VALUES ('{}', 'execute-snapshot', "
              "'{{\"data-collections\": [\"public.items\"], \"type\": \"{}\"}}')")
    with scene.source.connect(autocommit=False) as first, scene.source.connect(autocommit=False) as second:
        first.execute("UPDATE items SET v = 'first' WHERE id <= 20")
        second.execute("UPDATE items SET v = 'second' WHERE id BETWEEN 30 AND 50")
        scene.source.execute(signal.format("inc", "incremental"), "UPDATE items SET v = v || '+' WHERE id > 200")
        second.commit()
        wait_until(lambda: any(p["op"] == "r" and p["source"]["snapshot"] == "incremental"
                               for p in _payloads(scene, scene.topic("items"))), 60, "incremental reads")
        scene.source.execute("DELETE FROM items WHERE id BETWEEN 100 AND 120", "UPDATE items SET v = 'x' WHERE id > 390")
        first.commit()
    with scene.source.connection.cursor().copy("COPY items FROM STDIN") as copy:
        copy.write("".join(f"{i}\tcopied\n" for i in range(1000, 2000)))
    n_before = sum(scene.topics.end_offsets(scene.topic("items")).values())
    scene.source.execute(signal.format("block", "blocking"))
    wait_until(lambda: sum(scene.topics.end_offsets(scene.topic("items")).values()) >= n_before + 1000, 60, "blocking reads")
    scene.source.execute("UPDATE items SET v = 'after' WHERE id BETWEEN 20 AND 40")
    scene.wait_equal("items")
    shown = _payloads(scene, scene.topic("items"))
    assert {p["source"]["snapshot"] for p in shown if p["op"] == "r"} >= {"incremental", "true"}
    assert all(p["source"]["lsn"] is None for p in shown if p["source"]["snapshot"] == "incremental")
    for kind in ("message", "heartbeat", "transaction", "notification"):
        wait_until(lambda k=kind: worker.metric("records_skipped_total", kind=k) > 0, 20, f"{kind} records are skipped")
    wait_until(lambda: scene.clickhouse.count("signals") >= 2, 20, "rows of the signalling table")
    assert worker.terminate() == 0


def test_case_22_rows_that_move_between_partitions(scene: Scene) -> None:
    """By leaf: a delete in one topic and a create in another, written to one target by a rule; the later one wins in
    whatever order they are read. And a key that comes back."""
    scene.source.execute(
        "CREATE TABLE parted (id int, region text, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region)",
        "CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a')",
        "CREATE TABLE parted_b PARTITION OF parted FOR VALUES IN ('b')",
        "INSERT INTO parted SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, 'v' FROM generate_series(1, 40) i")
    worker = scene.run(tables__rules=[{"match": r"\.parted_[ab]$", "table": "parted", "shared": True}])
    scene.connector("parted_a,parted_b", message__key__columns="public.parted_a:id;public.parted_b:id")
    scene.wait_streaming()
    wait_until(lambda: scene.clickhouse.count("parted") == 40, 60, "the rows of both leaves")
    scene.source.execute("UPDATE parted SET region = 'b', v = 'moved' WHERE region = 'a' AND id <= 20",
                         "UPDATE parted SET region = 'a', v = 'and back' WHERE id IN (2, 4, 6)",
                         "DELETE FROM parted WHERE id IN (8, 10)")
    with scene.source.connection.transaction():  # nothing of its old place is pending
        scene.source.execute("UPDATE parted SET region = 'b' WHERE id IN (32, 34)", "DELETE FROM parted WHERE id = 32")

    def equal() -> bool:
        want = [{"id": i, "region": r, "v": v} for i, r, v in
                scene.source.query("SELECT id, region, v FROM parted ORDER BY id")]
        got = scene.clickhouse.final("parted", "id, region, v")
        assert got == want, [pair for pair in zip(got, want) if pair[0] != pair[1]][:5]
        return True
    wait_until(equal, 60, "the partitioned table is equal")
    assert worker.terminate() == 0


def test_case_39_two_tables_in_one_topic(scene: Scene) -> None:
    """With the router's identifier in the key and without it: rows of one key in both tables stay apart."""
    scene.source.execute("CREATE TABLE s1 (id int PRIMARY KEY, v text)", "CREATE TABLE s2 (id int PRIMARY KEY, v text)",
                         "INSERT INTO s1 VALUES (1, 's1'), (2, 's1')", "INSERT INTO s2 VALUES (1, 's2'), (3, 's2')")
    worker = scene.run()
    scene.connector("s1,s2", transforms="route", transforms__route__type="io.debezium.transforms.ByLogicalTableRouter",
                    transforms__route__topic__regex="(.*)\\.s[12]", transforms__route__topic__replacement="$1.both")
    scene.wait_equal("s1,s2")
    scene.wait_streaming()
    scene.source.execute("UPDATE s1 SET v = 'new' WHERE id = 1", "DELETE FROM s2 WHERE id = 1", "DELETE FROM s1 WHERE id = 2")
    scene.wait_equal("s1,s2")
    keys = [json.loads(m.key())["payload"] for m in scene.topics.read(f"{scene.name}.public.both")]
    assert {"__dbz__physicalTableIdentifier"} < set(keys[0]), keys[0]
    assert worker.terminate() == 0


def test_case_39_two_tables_in_one_topic_without_identifier(scene: Scene) -> None:
    """As Kafka's RegexRouter leaves them: constructed, the topic is all that differs."""
    one, two = Table(scene.name, "r1"), Table(scene.name, "r2")
    topic = f"{scene.name}.public.routed"
    scene.topics.create(topic)
    scene.topics.produce_many(topic, [one.row(1, "one"), two.row(1, "two"), one.row(2, "one"),
                                      (two.key(1), two.value("d", before={"id": 1, "name": "", "n": 0})), (two.key(1), None),
                                      two.row(5, "two")])
    worker = scene.run()
    wait_until(lambda: scene.clickhouse.has_table("r2") and scene.clickhouse.final("r2", "id, name") == [
        {"id": 5, "name": "two"}], 60, "the second table")
    wait_until(lambda: scene.clickhouse.final("r1", "id") == [{"id": 1}, {"id": 2}], 60, "the first table")
    assert worker.terminate() == 0


def test_cases_04_07_08_16_40_constructed(scene: Scene) -> None:
    """Forms that depend on the connector's age or on the moment: `sequence` null, absent or with a null part; an update
    without `before`; a delete whose `before` is made up; tombstones without a delete, with a null key; e1 e2 e3 e2 e3;
    offset gaps of an aborted transaction."""
    table = Table(scene.name, "forms")
    scene.topics.create(table.topic)

    def put(op: str, row_id: int, name: str | None, drop: bool = False, **source: Any) -> tuple[bytes, bytes]:
        table.lsn += 64
        row = {"id": row_id, "name": name, "n": 1}
        made = envelope(scene.name, "forms", op, table.lsn, after=None if op == "d" else row,
                        before={"id": row_id, "name": "", "n": 0} if op == "d" else None, **source)
        if drop:
            del made["source"]["sequence"]
        return table.key(row_id), table.wrap(made)

    e1, e2, e3 = (put("u", 10, f"e{i}") for i in (1, 2, 3))
    records: list[tuple[bytes | None, bytes | None]] = [
        put("c", 1, "partly null", commit=None), put("c", 2, "null", sequence=None), put("c", 3, "absent", drop=True),
        put("u", 3, "no before"), put("c", 4, "deleted"), put("d", 4, None), (table.key(4), None),
        (table.key(77), None), (None, None), e1, e2, e3, e2, e3, put("u", 5, "marker")]
    scene.topics.produce_many(table.topic, records)
    scene.topics.produce_transaction(table.topic, [put("c", 6, "aborted")], abort=True)
    scene.topics.produce_many(table.topic, [put("c", 7, "end")])
    worker = scene.run(batch__max_rows=2)
    want = [{"id": 1, "name": "partly null"}, {"id": 2, "name": "null"}, {"id": 3, "name": "no before"},
            {"id": 5, "name": "marker"}, {"id": 7, "name": "end"}, {"id": 10, "name": "e3"}]
    wait_until(lambda: scene.clickhouse.has_table("forms") and scene.clickhouse.final("forms", "id, name") == want, 60,
               f"{want}")
    assert worker.metric("records_skipped_total", kind="tombstone") == 3
    scene.wait_drained()
    assert worker.terminate() == 0


def test_observed_08_snapshot_through_all_tables(scene: Scene) -> None:
    """FOR ALL TABLES reads a partitioned table twice, by root and by leaf; what the root's topic then lacks comes by leaf:
    the leaf's target is right, and the root's stays as it was read."""
    scene.source.execute(
        "CREATE TABLE twice (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
        "CREATE TABLE twice_low PARTITION OF twice FOR VALUES FROM (0) TO (100)",
        "INSERT INTO twice SELECT i, 'read' FROM generate_series(1, 10) i")
    worker = scene.run()
    scene.connector("twice,twice_low", publication__autocreate__mode="all_tables")
    wait_until(lambda: scene.clickhouse.count("twice") == 10 and scene.clickhouse.count("twice_low") == 10, 60, "both reads")
    scene.wait_streaming()
    scene.source.execute("UPDATE twice SET v = 'changed'")
    wait_until(lambda: scene.clickhouse.values("SELECT DISTINCT v FROM twice_low FINAL") == ["changed"], 60, "the leaf")
    scene.wait_drained()
    assert scene.clickhouse.values("SELECT DISTINCT v FROM twice FINAL") == ["read"]
    assert worker.terminate() == 0


def test_partitioned_table_by_its_root(scene: Scene) -> None:
    """publish_via_partition_root: one topic, one target; a row that moves is an update or a key change."""
    scene.source.execute(
        "CREATE TABLE rooted (id int, region text, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region)",
        "CREATE TABLE rooted_a PARTITION OF rooted FOR VALUES IN ('a')",
        "CREATE TABLE rooted_b PARTITION OF rooted FOR VALUES IN ('b')",
        "INSERT INTO rooted SELECT i, 'a', 'v' FROM generate_series(1, 20) i")
    worker = scene.run()
    scene.connector("rooted", publish__via__partition__root="true")
    scene.wait_equal("rooted")
    scene.wait_streaming()
    scene.source.execute("UPDATE rooted SET region = 'b' WHERE id <= 5", "UPDATE rooted SET v = 'x' WHERE id > 15",
                         "DELETE FROM rooted WHERE id = 3")
    scene.wait_equal("rooted")
    assert worker.terminate() == 0


def test_version_mode_lsn_is_plain(scene: Scene) -> None:
    """For tables made for other sinks: source.lsn in a UInt64 column."""
    table = Table(scene.name, "plain")
    scene.topics.create(table.topic)
    scene.clickhouse.execute(
        "CREATE TABLE plain (id Int32, name Nullable(String), n Nullable(Int16), _version UInt64, is_deleted UInt8) "
        "ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id")
    scene.topics.produce_many(table.topic, [table.row(1, "a"), table.row(1, "b", op="u")])
    worker = scene.run(version__mode="lsn")
    wait_until(lambda: scene.clickhouse.final("plain", "id, name, _version") == [
        {"id": 1, "name": "b", "_version": table.lsn}], 60, "one row")
    assert worker.terminate() == 0
