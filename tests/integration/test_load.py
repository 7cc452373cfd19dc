"""The whole way under load: snapshot and stream of a real PostgreSQL, equal cell by cell."""

from __future__ import annotations

import random

import pytest
from sluice_testing import load
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until

ALL = ",".join(load.TABLES)


def _seed() -> int:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    return seed


def test_initial_load_of_100000_rows_then_mixed_load(scene: Scene) -> None:
    """Rows of a snapshot, then changes from three connections; metrics and lag say the same at the end."""
    scene.source.execute(*load.DDL)
    load.fill(scene.source, customers=40000, orders=40000, items=20000)
    worker = scene.run(batch__max_age="500ms")
    scene.connector(ALL)
    scene.wait_equal(ALL, seconds=120)

    with load.Load(scene.source, _seed(), connections=3, rows=40000, pause_seconds=0) as running:
        wait_until(lambda: running.transactions > 3000, 60, "3000 transactions")
    scene.wait_equal(ALL, seconds=60)
    scene.wait_drained()

    ends = scene.topics.end_offsets()
    wait_until(lambda: worker.metric("lag_records") == 0 and worker.metric("lag_seconds") == 0, 20, "no lag is shown")
    assert worker.metric("records_consumed_total") == sum(ends.values())
    assert worker.metric("rows_inserted_total") + worker.metric("collapsed_rows_total") + \
        worker.metric("records_skipped_total") == sum(ends.values())
    assert worker.metric("records_skipped_total", kind="tombstone") > 0
    assert worker.metric("commit_to_visible_seconds_count") > 0
    assert worker.metric("buffered_rows") == 0
    assert worker.metric("decode_errors_total") == 0
    assert worker.metric("source_lsn_applied") > 0
    for (topic, partition), end in ends.items():
        shown = worker.partitions()[topic, partition]
        assert (shown["durable"], shown["lag_records"], shown["error"]) == (end, 0, "")
    assert worker.terminate() == 0


@pytest.mark.parametrize("collapse", [True, False])
def test_small_batches_and_both_collapse_modes(scene: Scene, collapse: bool) -> None:
    """Many small batches per key range: neither collapsing inside a batch nor ClickHouse's own loses the last value."""
    scene.source.execute(*load.DDL)
    load.fill(scene.source, customers=50, orders=50, items=50)
    worker = scene.run(batch__max_rows=7, batch__collapse=collapse)
    scene.connector(ALL)
    scene.wait_equal(ALL)
    with load.Load(scene.source, _seed(), connections=2, rows=20, pause_seconds=0) as running:
        wait_until(lambda: running.transactions > 600, 60, "600 transactions")
    scene.wait_equal(ALL)
    scene.wait_drained()
    assert (worker.metric("collapsed_rows_total") > 0) == collapse
    assert worker.terminate() == 0


def test_json_without_schema_into_existing_tables(scene: Scene) -> None:
    """The target's columns say what the bare values are."""
    scene.source.execute(*load.DDL)
    load.fill(scene.source, customers=500, orders=500, items=500)
    scene.clickhouse.execute("""CREATE TABLE customers (id Int64, name String, email Nullable(String), active Bool,
        score Nullable(Float64), created_at DateTime64(6, 'UTC'), _version UInt128, is_deleted UInt8)
        ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id""")
    scene.clickhouse.execute("""CREATE TABLE orders (id Int64, customer_id Int64, status LowCardinality(String),
        total Decimal(12, 2), note Nullable(String), placed_at DateTime64(3, 'UTC'), day Nullable(Date32),
        _version UInt128, is_deleted UInt8) ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id""")
    scene.clickhouse.execute("""CREATE TABLE items (order_id Int64, line Int16, sku UUID, quantity Int32,
        details Nullable(String), raw Nullable(String), changed_at Nullable(DateTime64(6, 'UTC')), _version UInt128,
        is_deleted UInt8) ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY (order_id, line)""")
    hints = ["public.orders.total=decimal", "public.orders.placed_at=timestamp_ms", "public.items.raw=bytes",
             "public.items.changed_at=timestamp_us", "public.customers.created_at=zoned_timestamp",
             "public.orders.day=date", "public.items.sku=uuid", "public.items.details=json"]
    worker = scene.run(tables__source_types=hints, tables__create=False)
    scene.connector(ALL, converter="json-plain")
    scene.wait_equal(ALL)
    with load.Load(scene.source, _seed(), rows=500, pause_seconds=0) as running:
        wait_until(lambda: running.transactions > 600, 60, "600 transactions")
    scene.wait_equal(ALL)
    assert worker.terminate() == 0
