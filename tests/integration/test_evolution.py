"""Tables that change while they are copied: the target follows without a restart, and every cell is equal at the end."""

from __future__ import annotations

import random
import threading

import psycopg
import pytest
from sluice_stack import Stack
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.source import Source
from sluice_testing.wait import wait_until

DDL = ("CREATE TYPE mood AS ENUM ('sad', 'ok')",
       """CREATE TABLE things (id bigint PRIMARY KEY, a smallint NOT NULL, must integer NOT NULL, s varchar(20), f real,
          d numeric(8,2), at timestamp(3), m mood, old_name text, leaves text)""",
       """INSERT INTO things SELECT i, i % 100, i, 's' || i, i / 8.0, i / 4.0, timestamp '2024-01-01' + i * interval '1 s',
          'ok', 'n' || i, 'l' || i FROM generate_series(1, 400) i""")

# Each change, and an update with the first values that only the new columns can hold.
CHANGES = (
    ("ALTER TABLE things ADD COLUMN plain text", "UPDATE things SET plain = 'p' || id WHERE id % 3 = 0"),
    ("ALTER TABLE things ADD COLUMN seven integer NOT NULL DEFAULT 7, ADD COLUMN yes boolean DEFAULT true, "
     "ADD COLUMN word text NOT NULL DEFAULT 'it''s', ADD COLUMN money numeric(10,2) DEFAULT 12.50, "
     "ADD COLUMN day date DEFAULT '2024-02-29'", "UPDATE things SET seven = 8 WHERE id % 5 = 0"),
    ("ALTER TABLE things ALTER a TYPE integer", "UPDATE things SET a = 70000 WHERE id % 7 = 0"),
    ("ALTER TABLE things ALTER a TYPE bigint", "UPDATE things SET a = 5000000000 WHERE id % 11 = 0"),
    ("ALTER TABLE things ALTER f TYPE double precision, ALTER d TYPE numeric(14,4)",
     "UPDATE things SET f = 1e300, d = 1234567890.1234 WHERE id % 4 = 1"),
    ("ALTER TABLE things ALTER at TYPE timestamp(6), ALTER s TYPE text",
     "UPDATE things SET at = timestamp '2024-05-05 01:02:03.456789', s = repeat('x', 50) WHERE id % 4 = 2"),
    ("ALTER TABLE things ALTER must DROP NOT NULL", "UPDATE things SET must = NULL WHERE id % 6 = 0"),
    ("ALTER TYPE mood ADD VALUE 'happy'", "UPDATE things SET m = 'happy' WHERE id % 9 = 0"),
    ("ALTER TABLE things DROP COLUMN leaves", "UPDATE things SET a = 1 WHERE id % 10 = 0"),
    # To the source's readers the old name went and another one came: rows that are not touched keep it under the old one.
    ("ALTER TABLE things RENAME old_name TO new_name", "UPDATE things SET new_name = new_name"),
)


def _registry(stack: Stack, converter: str) -> dict[str, str]:
    """Options of a worker."""
    if converter != "avro":
        return {}
    stack.up(["registry"])
    return {"registry__url": stack.service("registry").url() + "/apis/ccompat/v7"}


class Load:
    """Writes rows by the columns that no change touches."""

    def __init__(self, source: Source, seed: int) -> None:
        self._source, self._seed, self._stop = source, seed, threading.Event()
        self.statements = 0
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(2)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stops the writers."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, number: int) -> None:
        chance = random.Random(f"{self._seed}/{number}")
        with self._source.connect() as connection:
            while not self._stop.wait(0.01):
                key = chance.randint(1, 600)
                try:
                    if chance.random() < 0.1:
                        connection.execute("DELETE FROM things WHERE id = %s", (key,))
                    else:
                        connection.execute("INSERT INTO things (id, a, must) VALUES (%s, %s, %s) ON CONFLICT (id) DO "
                                           "UPDATE SET a = excluded.a, must = excluded.must",
                                           (key, chance.randint(0, 99), chance.randint(0, 10**9)))
                except psycopg.errors.DeadlockDetected:
                    continue
                self.statements += 1


@pytest.mark.parametrize(("delivery", "converter"), [("exactly_once", "json"), ("at_least_once", "json"),
                                                     ("exactly_once", "avro")])
def test_case_37_changes_under_load_with_two_workers(scene: Scene, stack: Stack, delivery: str, converter: str) -> None:
    """Ten changes of a table in use, on four partitions and two workers, and a new table: no row and no value is lost."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    scene.source.execute(*DDL)
    scene.topics.create(scene.topic("things"), partitions=4)
    workers = [scene.run(name, delivery=delivery, **_registry(stack, converter)) for name in ("one", "two")]
    scene.connector("things,later", converter=converter)
    scene.wait_equal("things")
    load = Load(scene.source, seed)
    for change, first_values in CHANGES:
        scene.source.execute(change, first_values)
        before = load.statements
        wait_until(lambda before=before: load.statements > before + 20, 30, "writers go on")
    publication = scene.source.value("SELECT pubname FROM pg_publication")
    scene.source.execute("CREATE TABLE later (id integer PRIMARY KEY, v text)",
                         f'ALTER PUBLICATION "{publication}" ADD TABLE later', "INSERT INTO later VALUES (1, 'first')")
    load.end()
    scene.wait_equal("things,later", seconds=90)
    for worker in workers:
        assert not worker.events("partition_stopped"), worker.events("partition_stopped")
        assert worker.terminate() == 0
    columns = {row["name"]: row["type"] for row in scene.clickhouse.rows(
        f"SELECT name, type FROM system.columns WHERE database = '{scene.name}' AND table = 'things'")}
    assert columns["a"] == "Int64" and columns["f"] == "Nullable(Float64)" and columns["must"] == "Nullable(Int32)"
    assert columns["d"] == "Nullable(Decimal(14, 4))" and columns["at"] == "Nullable(DateTime64(6, 'UTC'))"
    assert "leaves" in columns and "old_name" in columns  # what goes at the source stays


@pytest.mark.parametrize("converter", ["json", "avro"])
def test_case_37_defaults_of_added_columns(scene: Scene, stack: Stack, converter: str) -> None:
    """No record comes for the rows that are there, and they have the default all the same."""
    scene.source.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')",
                         "CREATE TABLE grows (id integer PRIMARY KEY, v text)",
                         "INSERT INTO grows SELECT i, 'v' || i FROM generate_series(1, 20) i")
    worker = scene.run(**_registry(stack, converter))
    scene.connector("grows", converter=converter)
    scene.wait_equal("grows")
    scene.wait_streaming()
    scene.source.execute(
        """ALTER TABLE grows ADD COLUMN si smallint NOT NULL DEFAULT -3, ADD COLUMN bi bigint DEFAULT 5000000000,
           ADD COLUMN bo boolean NOT NULL DEFAULT true, ADD COLUMN re real DEFAULT 1.5,
           ADD COLUMN dp double precision NOT NULL DEFAULT -0.25, ADD COLUMN nu numeric(10,2) NOT NULL DEFAULT 12.50,
           ADD COLUMN ne numeric(6,3) DEFAULT -0.125, ADD COLUMN te text NOT NULL DEFAULT 'ü "x"',
           ADD COLUMN em text NOT NULL DEFAULT '', ADD COLUMN da date NOT NULL DEFAULT '2024-02-29',
           ADD COLUMN ti time NOT NULL DEFAULT '12:34:56.789012',
           ADD COLUMN ts timestamp NOT NULL DEFAULT '2024-02-29 12:34:56.789012', ADD COLUMN tm timestamp(3) DEFAULT
           '1969-12-31 23:59:59.999', ADD COLUMN tz timestamptz NOT NULL DEFAULT '2024-02-29 12:34:56.789012+02',
           ADD COLUMN uu uuid NOT NULL DEFAULT '6f1c0c4e-1234-4321-8888-000000000001',
           ADD COLUMN js jsonb NOT NULL DEFAULT '{"a": 1}', ADD COLUMN mo mood NOT NULL DEFAULT 'ok'""",
        "UPDATE grows SET v = 'changed' WHERE id < 3")
    scene.wait_equal("grows", seconds=60)
    assert not worker.events("column_not_filled"), worker.events("column_not_filled")
    # What PostgreSQL computed for the rows that it had nobody tells; a line of the log does.
    scene.source.execute("""ALTER TABLE grows ADD COLUMN made timestamptz NOT NULL DEFAULT now(),
                            ADD COLUMN bytes bytea NOT NULL DEFAULT '\\x00ff61',
                            ADD COLUMN quoted text NOT NULL DEFAULT 'it''s'""",
                         "UPDATE grows SET v = 'again' WHERE id = 1")
    assert worker.wait_event("column_not_filled")["columns"] == "made, bytes"
    wait_until(lambda: scene.clickhouse.rows("SELECT v FROM grows FINAL WHERE id = 1")[0]["v"] == "again", 30, "the update")
    # The connector cuts a default at a quote in it (observed with Debezium 3.6.1), which nothing shows.
    told = scene.clickhouse.rows("SELECT id, quoted FROM grows FINAL WHERE id IN (1, 20) ORDER BY id")
    assert [row["quoted"] for row in told] == ["it's", "it"], told
    assert worker.terminate() == 0


ROW = {"id": ("int32", False), "name": ("string", True)}


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_case_37_records_of_old_and_new_shapes_in_turn(scene: Scene, delivery: str) -> None:
    """After a replay a topic interleaves shapes: each record finds the plan of its own."""
    old = Table(scene.name, "turns", fields=ROW)
    new = Table(scene.name, "turns", fields=ROW | {"n": ("int32", True)})
    scene.topics.create(old.topic)
    records = []
    for i in range(60):
        table, row = (new, {"id": i, "name": "new", "n": i}) if i % 2 else (old, {"id": i, "name": "old"})
        table.lsn = 0x1000000 + i * 64
        records.append((table.key(i), table.value("c", after=row)))
    scene.topics.produce_many(old.topic, records)
    worker = scene.run(delivery=delivery)
    scene.wait_drained()
    assert scene.clickhouse.final("turns", "id, n") == [{"id": i, "n": i if i % 2 else None} for i in range(60)]
    assert len(worker.events("table_altered")) == 1
    assert worker.terminate() == 0


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_an_operator_changes_the_table(scene: Scene, delivery: str) -> None:
    """A dropped column, a changed type, an added column and a dropped table: read again, planned anew, nothing lost."""
    table = Table(scene.name, "mine")
    scene.topics.create(table.topic)
    worker = scene.run(delivery=delivery)
    expected = []

    def add(n: int, name: str = "x") -> None:
        expected.append({"id": len(expected), "name": name, "n": n})
        scene.topics.produce_many(table.topic, [table.row(len(expected) - 1, name, n)])
        wait_until(lambda: scene.clickhouse.final("mine", "id, name, n") == expected, 30, "all rows are there")

    add(1)
    scene.clickhouse.execute("ALTER TABLE mine MODIFY COLUMN n Nullable(Int64)")
    add(2)
    scene.clickhouse.execute("ALTER TABLE mine ADD COLUMN extra String, ADD COLUMN upper String MATERIALIZED upper(name)")
    add(3)
    scene.clickhouse.execute("ALTER TABLE mine DROP COLUMN n SETTINGS mutations_sync = 2")
    for row in expected:
        row["n"] = None
    add(4)
    scene.clickhouse.execute("DROP TABLE mine")
    expected.clear()
    scene.topics.produce_many(table.topic, [table.row(100, "after", 5)])
    wait_until(lambda: scene.clickhouse.has_table("mine") and
               scene.clickhouse.final("mine", "id, name, n") == [{"id": 100, "name": "after", "n": 5}], 40,
               "the table is made again")
    assert not worker.events("partition_stopped")
    assert worker.terminate() == 0


def test_what_can_not_be_followed_stops(scene: Scene) -> None:
    """A type that values don't fit into, and another key: the partition stops by name and tells what to do."""
    first = Table(scene.name, "odd")
    scene.topics.create(first.topic)
    scene.topics.produce_many(first.topic, [first.row(1, "one", 1)])
    worker = scene.run()
    scene.wait_drained()
    text = Table(scene.name, "odd", fields={"id": ("int32", False), "name": ("string", True), "n": ("string", True)})
    text.lsn = 0x2000000
    scene.topics.produce_many(first.topic, [(text.key(2), text.value("c", after={"id": 2, "name": "two", "n": "zwei"}))])
    line = worker.wait_event("partition_stopped", topic=first.topic)
    assert 'column "n"' in line["error"] and "string" in line["error"] and "MODIFY COLUMN" in line["error"], line
    assert worker.terminate() == 1
