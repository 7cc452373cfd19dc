"""`sluice verify` between a real PostgreSQL and ClickHouse: what differs is found and named, on tables at rest and under
load, and what can't be compared is said."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import time
from typing import Any

import pytest
from sluice_testing import load, programs
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until
from sluice_testing.worker import run_sluice

# 50,000 in the suite; SLUICE_VERIFY_ROWS=1000000 is the size that the limits of time and memory are promised for.
ROWS = int(os.environ.get("SLUICE_VERIFY_ROWS", "50000"))
SECONDS, MIB = 60, 200
TOPIC = ("--source", "topic")
COUNTS = ("missing", "ghost", "changed", "repeated", "undecided")


class Verified:
    """One run, with what it took."""

    def __init__(self, scene: Scene, *arguments: str, **options: Any) -> None:
        config = scene.config_file(**options)
        if "--source" not in arguments:
            arguments = ("--settle", "2s", *arguments)
        if "--timeout" not in arguments:
            arguments = ("--timeout", "60s", *arguments)
        began = time.monotonic()
        with (scene.folder / "verify.out").open("w+") as out, (scene.folder / "verify.err").open("w+") as err:
            process = subprocess.Popen([str(programs.sluice()), "verify", "-c", str(config), "--output", "json", *arguments],
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                       env={**os.environ, "SLUICE_POSTGRES": scene.source.url})
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = self.code = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            self.out, self.err = out.read(), err.read()
        self.seconds = time.monotonic() - began
        self.mib = usage.ru_maxrss / 1024
        self.tables: dict[str, dict[str, Any]] = {}
        if self.out.startswith("["):
            self.tables = {row["source"].rpartition(".")[2]: row for row in json.loads(self.out)}

    def __repr__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"

    def found(self, table: str) -> dict[str, int]:
        """What is not zero."""
        return {name: self.tables[table][name] for name in COUNTS if self.tables[table][name]}

    def named(self, table: str) -> list[tuple[str, dict[str, str], list[str]]]:
        """Kind, key and columns of each difference, sorted."""
        return sorted(((d["kind"], d["key"], [c["column"] for c in d["cells"]]) for d in self.tables[table]["differences"]),
                      key=str)


def _with_sanitizer() -> bool:
    return b"__asan_init" in programs.sluice().read_bytes()


def _write(scene: Scene, table: str, condition: str, **cells: str) -> None:
    """Rows of ClickHouse as somebody else might spoil them: newer copies with other cells."""
    replaced = ", ".join(f"{value} AS `{name}`" for name, value in {"_version": "_version + 1", **cells}.items())
    scene.clickhouse.execute(f"INSERT INTO `{table}` SELECT * REPLACE ({replaced}) "
                             f"FROM (SELECT * FROM `{table}` FINAL WHERE {condition})")


def test_finds_what_differs(scene: Scene) -> None:
    """One cell, one missing and one ghost row among many, within the limits; then a sample, and refusals."""
    for statement in load.DDL:
        scene.source.execute(statement)
    load.fill(scene.source, ROWS, 1000, 1000)
    scene.run()
    scene.connector("customers,orders,items")
    scene.wait_streaming(60 + ROWS / 5000)
    scene.wait_equal("orders,items")
    scene.wait_drained(300 + ROWS / 5000)

    equal = Verified(scene)
    assert equal.code == 0, equal
    assert {name: row["result"] for name, row in equal.tables.items()} == dict.fromkeys(load.TABLES, "equal"), equal
    customers = equal.tables["customers"]
    assert customers["source_rows"] == customers["target_rows"] == ROWS, equal
    assert customers["compared_columns"] == ["id", "name", "email", "active", "score", "created_at"]
    assert all(not row["not_compared"] for row in equal.tables.values()), equal

    told = Verified(scene, *TOPIC)
    assert told.code == 0, told
    assert {name: row["result"] for name, row in told.tables.items()} == dict.fromkeys(load.TABLES, "equal"), told
    assert told.tables["customers"]["source_rows"] == ROWS and told.tables["customers"]["position"] is None, told

    _write(scene, "customers", "id = 17", email="'other@example.org'")
    _write(scene, "customers", "id = 4711", is_deleted="1")
    _write(scene, "customers", "id = 1", id=str(ROWS + 99))
    _write(scene, "items", "order_id = 3 AND line = 2", raw="'x'", quantity="quantity + 1")
    for source in ((), TOPIC):
        _check_differences(Verified(scene, *source))
    _progress(scene)
    _sample(scene)
    _limits(scene)
    _refusals(scene)


def _check_differences(different: Verified) -> None:
    assert different.code == 4, different
    assert different.found("customers") == {"missing": 1, "ghost": 1, "changed": 1}, different
    assert different.named("customers") == [("changed", {"id": "17"}, ["email"]), ("ghost", {"id": str(ROWS + 99)}, []),
                                            ("missing", {"id": "4711"}, [])], different
    assert different.tables["customers"]["complete"], different
    changed = next(d for d in different.tables["customers"]["differences"] if d["kind"] == "changed")
    assert changed["cells"] == [{"column": "email", "source": "c17@example.org", "target": "other@example.org"}], different
    assert different.named("items") == [("changed", {"order_id": "3", "line": "2"}, ["quantity", "raw"])], different
    assert different.tables["orders"]["result"] == "equal", different
    assert different.seconds < SECONDS, f"{different.seconds:.1f} s"
    assert different.mib < MIB or _with_sanitizer(), f"{different.mib:.0f} MiB"
    print(f"{ROWS} rows: {different.seconds:.1f} s, {different.mib:.0f} MiB")


def _progress(scene: Scene) -> None:
    """On a terminal a bar with the rate and the time left, which goes away at the end."""
    master, slave = pty.openpty()
    process = subprocess.Popen([str(programs.sluice()), "verify", "-c", str(scene.config_file()), "--table", "customers", "--settle", "2s"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave,
                               env={**os.environ, "SLUICE_POSTGRES": scene.source.url})
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    assert process.wait(60) == 4
    assert b"customers" in shown and b"rows/s" in shown and b" left" in shown, shown
    assert not shown.rsplit(b"\r", 1)[1].strip(), shown


def _sample(scene: Scene) -> None:
    """A share of the keys, the same on both sides; a key made of numbers is chosen by the servers."""
    some = Verified(scene, "--sample", "10%", "--table", "orders", "--table", "public.items")
    assert set(some.tables) == {"orders", "items"}, some
    for table in ("orders", "items"):
        row = some.tables[table]
        assert 40 < row["source_rows"] < 250 and row["source_rows"] == row["target_rows"], some
        assert row["sample"] == pytest.approx(10), some
    assert some.tables["orders"]["result"] == "equal", some
    told = Verified(scene, *TOPIC, "--sample", "10%", "--table", "orders")
    assert told.code == 0 and 40 < told.tables["orders"]["source_rows"] < 250, told


def _limits(scene: Scene) -> None:
    """A table that lost everything: the first keys are shown, and that there are more."""
    scene.clickhouse.execute("TRUNCATE TABLE orders")
    lost = Verified(scene, "--table", f"{scene.name}.public.orders", "--limit", "3")
    orders = lost.tables["orders"]
    assert lost.code == 4 and orders["source_rows"] == 1000 and orders["target_rows"] == 0, lost
    assert orders["missing"] >= 3 and len(orders["differences"]) == 3, lost
    assert {d["kind"] for d in orders["differences"]} == {"missing"}, lost


def _refusals(scene: Scene) -> None:
    """Wrong usage, and what keeps it from comparing; a password is never shown."""
    config = str(scene.config_file())
    secret = "postgresql://nobody:very-secret-word@127.0.0.1:1/none"
    cases: list[tuple[list[str], int, str]] = [
        ([], 2, "name the source's database with --postgres"),
        (["--postgres", scene.source.url, "--table", "nowhere"], 2, 'no records of a table "nowhere" are in the topics; there are'),
        (["--postgres", scene.source.url, "--sample", "0%"], 2, "--sample takes a share"),
        (["--postgres", scene.source.url, "--limit", "0"], 2, "--limit takes a number"),
        (["--postgres", scene.source.url, "--timeout", "5"], 2, "--timeout takes a duration"),
        (["--postgres", scene.source.url, "--source", "oracle"], 2, "--source takes"),
        (["--postgres", scene.source.url, "--source", "topic"], 2, "go with --source postgres"),
        (["--postgres", scene.source.url, "--postgres-file", "x"], 2, "exclude each other"),
        (["--postgres-file", str(scene.folder / "none")], 2, "No such file"),
        (["--postgres", secret], 1, "PostgreSQL: connect: "),
        (["--postgres", "very-secret-word="], 2, "connection string is not understood"),
        (["--postgres", "=very-secret-word"], 2, "connection string is not understood"),
        (["--tabel", "x"], 2, "did you mean --table?"),
    ]
    for how, code, reason in cases:
        done = run_sluice("verify", "-c", config, *how)
        assert done.returncode == code and reason in done.stderr, (how, done.returncode, done.stderr)
        assert "very-secret-word" not in done.stdout + done.stderr, done.stderr
    kept = scene.folder / "source"
    kept.write_text(scene.source.url + "\n")
    done = run_sluice("verify", "-c", config, "--postgres-file", str(kept), "--table", "items", "--settle", "2s")
    assert done.returncode == 4, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["TABLE", "SOURCE", "TARGET", "MISSING", "GHOST", "CHANGED", "REPEATED", "UNDECIDED", "RESULT"]
    assert lines[1].split() == [f"{scene.name}.public.items", "1000", "1000", "0", "0", "1", "0", "0", "different"], done.stdout
    assert "  changed   order_id=3, line=2" in lines and any(line.strip().startswith("quantity: ") for line in lines), done.stdout

    # The table can't be read by this user; another database has no such table.
    scene.source.execute(f"CREATE ROLE \"{scene.name}\" LOGIN PASSWORD 'reader'", "GRANT USAGE ON SCHEMA public TO PUBLIC")
    reader = f"postgresql://{scene.name}:reader@{scene.source.url.rpartition('@')[2]}"
    try:
        done = run_sluice("verify", "-c", config, "--postgres", reader, "--table", "items")
        assert done.returncode == 1 and "GRANT SELECT" in done.stdout, done.stdout + done.stderr
    finally:
        scene.source.execute(f'DROP ROLE "{scene.name}"')
    other = scene.source.url.rpartition("/")[0] + "/postgres"
    done = run_sluice("verify", "-c", config, "--postgres", other, "--table", "items")
    assert done.returncode == 1 and "but PostgreSQL's connection is to" in done.stdout, done.stdout + done.stderr

    # Without a worker what seems to differ can't be decided on: it may be under way.
    for worker in scene.workers:
        worker.terminate()
    scene.source.execute("UPDATE items SET quantity = 1000 WHERE order_id = 9")
    waited = Verified(scene, "--table", "items", "--timeout", "12s")
    assert waited.code == 1 and waited.tables["items"]["result"] == "undecided", waited
    assert waited.tables["items"]["undecided"] >= 4 and "is a worker running?" in waited.tables["items"]["reason"], waited


@pytest.mark.parametrize("source", [(), TOPIC], ids=["postgres", "topic"])
def test_under_load(scene: Scene, source: tuple[str, ...]) -> None:
    """Tables that change all the time are equal; a difference among them is found all the same."""
    for statement in load.DDL:
        scene.source.execute(statement)
    load.fill(scene.source, 8000, 8000, 8000)
    scene.run()
    scene.connector("customers,orders,items")
    scene.wait_streaming()
    scene.wait_drained(120)
    with load.Load(scene.source, seed=7, rows=8000) as running:
        before = running.transactions
        live = Verified(scene, *source)
        assert live.code == 0, live
        assert {row["result"] for row in live.tables.values()} == {"equal"}, live
        assert running.transactions > before + 20, "there was no load"
        # Keys that the load does not touch.
        scene.source.execute("INSERT INTO customers SELECT 1000000 + i, 'rest', NULL, true, 1.5, now() FROM generate_series(1, 3) i")
        _wait_stored(scene, 1000003)
        _write(scene, "customers", "id = 1000001", score="2.5")
        _write(scene, "customers", "id = 1000002", is_deleted="1")
        _write(scene, "customers", "id = 1000003", id="1000009")
        spoiled = Verified(scene, *source)
    assert spoiled.code == 4, spoiled
    assert spoiled.named("customers") == [("changed", {"id": "1000001"}, ["score"]), ("ghost", {"id": "1000009"}, []),
                                          ("missing", {"id": "1000002"}, [])], spoiled
    assert {spoiled.tables[name]["result"] for name in ("orders", "items")} == {"equal"}, spoiled


def _wait_stored(scene: Scene, key: int) -> None:
    wait_until(lambda: int(scene.clickhouse.value(f"SELECT count() FROM customers FINAL WHERE id = {key}")) == 1, 30, "the row is stored")


TYPES = (
    ("bo", "boolean", "true"), ("i2", "smallint", "-32768"), ("i8", "bigint", "9223372036854775807"), ("oi", "oid", "4294967295"),
    ("f4", "real", "0.1"), ("f8", "double precision", "1e-300"), ("nu", "numeric(20,4)", "-12.3400"), ("nv", "numeric", "123.4500"),
    ("mo", "money", "-1234.50"), ("tx", "text", "E'tab\\t newline\\n back\\\\ quote'' \u00fc \U0001f69a'"), ("vc", "varchar(9)", "''"),
    ("ch", "char(6)", "'ab'"), ("by", "bytea", "'\\x00ff5c0a09'"), ("uu", "uuid", "'0123abcd-4567-89ef-8000-fedcba987654'"),
    ("js", "json", "'{\"b\":1,  \"a\":[1,null]}'"), ("jb", "jsonb", "'{\"b\":1,\"a\":[1,null]}'"), ("en", "mood", "'so, so'"),
    ("da", "date", "'2024-02-29'"), ("t3", "timestamp(3)", "'1969-12-31 23:59:59.999'"), ("t6", "timestamp", "'2024-02-29 12:34:56.000001'"),
    ("tz", "timestamptz", "'2024-02-29 12:34:56.789+05:30'"), ("ti", "time", "'23:59:59.999999'"), ("tt", "timetz", "'12:00:00+02'"),
    ("iv", "interval", "'1 mon -3 days 04:05:06.7'"), ("ip", "inet", "'10.0.0.0/8'"), ("bi", "bit(5)", "B'00101'"),
    ("hs", "hstore", "'a=>1, b=>NULL'"), ("po", "point", "'(1.5,-2)'"), ("ra", "int4range", "'[1,5)'"), ("ia", "integer[]", "'{1,NULL,3}'"),
    ("ta", "text[]", "ARRAY['a,b', NULL, 'q\"\\']"), ("tsa", "timestamp[]", "'{2024-01-01 00:00:00.5}'"), ("xm", "xml", "'<a>b</a>'"),
)


@pytest.mark.parametrize("converter", ["json", "avro"])
def test_types(scene: Scene, converter: str) -> None:
    """Every kind of column, NULL too, is equal, to the table and to its topic; a change in any of them is found by its
    name; what can't be compared is named."""
    options = {}
    if converter == "avro":
        scene.stack.up(["registry"])
        options = {"registry__url": scene.stack.service("registry").url() + "/apis/ccompat/v7"}
    scene.source.execute("CREATE EXTENSION hstore", "CREATE TYPE mood AS ENUM ('ok', 'so, so')")
    names = [name for name, _, _ in TYPES]
    scene.source.execute("CREATE TABLE kinds (a date, b text, " + ", ".join(f"{name} {kind}" for name, kind, _ in TYPES) +
                         ", bx box, PRIMARY KEY (a, b))")
    values = ", ".join(f"{value}" for _, _, value in TYPES)
    scene.source.execute(f"INSERT INTO kinds VALUES ('2024-01-01', 'k''\\', {values}, '(1,1),(0,0)')",
                         "INSERT INTO kinds (a, b) VALUES ('2024-01-02', 'nulls')")
    scene.run(**options)
    scene.connector("kinds", converter)
    scene.wait_streaming()
    scene.source.execute(f"INSERT INTO kinds VALUES ('2024-01-03', 'streamed', {values}, NULL)",
                         "INSERT INTO kinds (a, b) VALUES ('2024-01-04', 'nulls')")
    wait_until(lambda: scene.clickhouse.has_table("kinds") and scene.clickhouse.count("kinds") == 4, 60, "all rows are there")
    equal = Verified(scene, **options)
    assert equal.code == 0, equal
    kinds = equal.tables["kinds"]
    assert kinds["compared_columns"] == ["a", "b", *names], equal
    assert [left["column"] for left in kinds["not_compared"]] == ["bx"], equal
    told = Verified(scene, *TOPIC, **options)
    assert told.code == 0 and told.tables["kinds"]["source_rows"] == 4, told
    assert sorted(told.tables["kinds"]["compared_columns"]) == sorted(["a", "b", *names]), told

    scene.source.execute("UPDATE kinds SET " + ", ".join(f"{name} = NULL" for name in names) + " WHERE b = 'streamed'")
    scene.wait_drained()
    for source in ((), TOPIC):
        again = Verified(scene, *source, **options)
        assert again.code == 0, again
    # What is NULL at the source by now gets its old value back, in ClickHouse alone.
    cells = {name: f"(SELECT {name} FROM kinds FINAL WHERE b LIKE 'k%')" for name in names if name != "bo"}
    _write(scene, "kinds", "b = 'streamed'", **cells)
    for source in ((), TOPIC):
        different = Verified(scene, *source, **options)
        assert different.code == 4, different
        (kind, key, columns), = different.named("kinds")
        assert kind == "changed" and key["b"] == "streamed" and set(columns) == set(cells), different


def test_unchanged_values(scene: Scene) -> None:
    """What an update left out because it is large and did not change is put together from the records before it."""
    scene.source.execute("CREATE TABLE notes (id integer PRIMARY KEY, n integer, body text)",
                         "ALTER TABLE notes ALTER COLUMN body SET STORAGE EXTERNAL",
                         "INSERT INTO notes SELECT i, 0, repeat(md5(i::text), 200) FROM generate_series(1, 30) i")
    scene.run()
    scene.connector("notes")
    scene.wait_streaming()
    scene.source.execute("UPDATE notes SET n = n + 1 WHERE id <= 20", "UPDATE notes SET n = n + 1 WHERE id <= 10")
    wait_until(lambda: scene.clickhouse.has_table("notes") and
               int(scene.clickhouse.value("SELECT sum(n) FROM notes FINAL") or 0) == 30, 60, "all updates are there")
    equal = Verified(scene, *TOPIC)
    assert equal.code == 0, equal
    _write(scene, "notes", "id = 3", body="concat(body, 'x')")
    different = Verified(scene, *TOPIC)
    assert different.named("notes") == [("changed", {"id": "3"}, ["body"])], different
    # Under a new key the value is that of another key's records.
    scene.source.execute("UPDATE notes SET id = 99 WHERE id = 5")
    scene.wait_drained()
    moved = Verified(scene, *TOPIC)
    assert moved.code == 1 and "unchanged TOAST value" in moved.tables["notes"]["reason"], moved
