"""Captures what Debezium writes for a few small tables, byte by byte, into tests/data/debezium/<case>/.

A case is a table and a converter. Files of a case, one line per record in the order of the topic:
  keys      the record's key
  values    the record's value; an empty line is a tombstone (a null value)
  headers   the headers as a JSON list of [name, text]
  ORIGIN    where the records come from
JSON converters never write a line feed outside of an escape, so that lines are exact. Avro is written in hexadecimal,
and key.avsc and value.avsc are the schemas that the records name, as the registry gives them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

CONVERTERS = {"json": "JsonConverter with schemas.enable=true", "json-plain": "JsonConverter with schemas.enable=false",
              "avro": "Apicurio's AvroConverter 2.6.13 with as-confluent=true, headers.enabled=false"}
ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "docker/local")]

import psycopg  # noqa: E402
from confluent_kafka import Consumer, TopicPartition  # noqa: E402
from sluice_stack import Stack  # noqa: E402
from sluice_stack.rest import request  # noqa: E402
from sluice_testing.wait import wait_until  # noqa: E402

OUT = ROOT / "tests/data/debezium"
WORDS = ("amber birch cedar delta ember flint grove harbor indigo juniper kelp linden maple north ochre pine quartz "
         "river slate thistle umber violet willow yarrow").split()


def words(n: int, salt: int) -> str:
    """Deterministic filler text."""
    return " ".join(WORDS[(salt * 7 + i * i * 3 + i) % len(WORDS)] for i in range(n))


@dataclass(frozen=True)
class Table:
    """A source table with what is written before and after the snapshot."""

    name: str
    ddl: str
    options: dict[str, str]
    before: list[str]
    live: list[str]


def customers() -> Table:
    """The table of the benchmark."""
    def values(i: int) -> str:
        nullable = "null" if i % 6 == 0 else f"'{words(5, i)}'"
        return (f"({i}, '{WORDS[i % 24]}.{WORDS[(i * 5) % 24]}{i * 7919}@example.com', "
                f"'{WORDS[i % 24].title()} {WORDS[(i + 9) % 24].title()}', "
                f"'{words(7, i)} \"{words(2, i + 3)}\"', {nullable}, "
                f"timestamp '2024-02-29 13:45:00.000001' + interval '1 hour' * {i * 37} "
                f"+ interval '1 microsecond' * {i * 1299709 % 1000000}, "
                f"{(i * 100003) % 900000 / 100 - 2000:.2f}, '{words(3, i + 11)}', "
                f"{'null' if i % 10 == 7 else 'true' if i % 3 else 'false'})")

    insert = "insert into customers values "
    live = [insert + values(i) for i in range(101, 109)]
    live += [f"update customers set balance = balance + {i}.05, note = '{words(7, i)}' where id = {i}"
             for i in (3, 5, 101, 102, 103)]
    live += ["update customers set active = not active where id in (1, 2, 4, 6)",
             "update customers set email = null, profile = null, created_at = null, balance = null where id = 7",
             "delete from customers where id in (8, 104)",
             "update customers set name = 'Zoë \\ \"Ünal\" 😀' || chr(9) || chr(10) where id = 9",
             insert + values(104),
             "update customers set id = 209 where id = 9",
             "delete from customers where id = 105"]
    return Table("customers", """create table customers (id bigint primary key, email text, name text, profile text,
        note text, created_at timestamp(6), balance numeric(12,2), tags text, active boolean)""",
        {}, [insert + ", ".join(values(i) for i in range(1, 13))], live)


def types() -> Table:
    """Every type of column that is read so far, with NULLs and the ends of the ranges."""
    row = "insert into types values "
    before = [
        row + """(1, true, 32767, 2147483647, 9223372036854775807, 1.5, 2.25, 12345.67, 0.1, 'text', 'varchar', 'ch',
         '6f1d2a30-1111-4222-8333-444455556666', '{"a": [1, "x"], "b": null}', '{"z":1,  "a":2}',
         '\\x00ff10', 'happy', '2024-02-29', '2024-02-29 23:59:59.123456', '2024-02-29 23:59:59.123',
         '2024-02-29 23:59:59.123456+02')""",
        row + "(2" + ", null" * 20 + ")",
        row + """(3, false, -32768, -2147483648, -9223372036854775808, 'NaN', '-Infinity', -9999999.99, -1e-30, '',
         '', '', '00000000-0000-0000-0000-000000000000', 'null', '[]', '', 'it''s "quoted"', '1900-01-01',
         '1969-12-31 23:59:59.999999', '1970-01-01 00:00:00', '2299-12-31 23:59:59.999999+00')"""]
    live = [
        row + """(4, true, 0, 0, 0, 0, -0.0, 0, 123456789012345678901234567890.5,
         E'tab\\t line\\n quote" back\\\\ nul-free', 'é😀', 'x', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '"s"',
         '{"k":"\\u00e9"}', '\\xdeadbeef', 'sad', '0001-01-01',
         '2024-01-01 00:00:00', '2024-01-01 00:00:00.5', '1883-11-18 12:00:00-05')""",
        "update types set d = d + 0.01, t = t || '!' where id = 1",
        "update types set b = not b, ts6 = ts6 + interval '1 day' where id = 3",
        "delete from types where id = 2"]
    return Table("types", """create type mood as enum ('sad', 'ok', 'happy', 'it''s "quoted"');
        create table types (id integer primary key, b boolean, i2 smallint, i4 integer, i8 bigint, f4 real,
        f8 double precision, d numeric(9,2), dv numeric, t text, vc varchar(20), c char(4),
        u uuid, j json, jb jsonb, ba bytea, m mood, da date, ts6 timestamp(6), ts3 timestamp(3), tz timestamptz)""",
        {}, before, live)


def shapes() -> Table:
    """What only Avro writes in another shape than JSON: composites, decimals, names that have to be adjusted."""
    row = "insert into shapes values "
    before = [
        row + """(1, 7, 'ok', 123456.78, '10', '{1,null,-3}', '{1.25,null}', '{a,null,"b c"}', '{t,f}',
         '{2024-02-29 12:00:00.000001}', 'a=>1,b=>null', '(1.5,-2)', B'10110', '2 years -3 days 00:00:01.5',
         '2024-02-29', 'plain')""",
        row + "(2" + ", null" * 13 + ", '2020-01-01', null)"]
    live = [
        row + """(3, -32768, 'it''s "quoted"', -0.01, '-1.50', '{}', '{}', '{}', '{}', '{}', '', '(0,0)', B'00000',
         '0', '0044-03-15 BC', E'tab\\t \\u00e9 😀')""",
        "update shapes set ints = '{2147483647,-2147483648}', h = '\"k \"=>\"v\"' where id = 1",
        "alter table shapes replica identity full", "update shapes set small = 8 where id = 1",
        "delete from shapes where id = 3"]
    return Table("shapes", """create extension if not exists hstore; create type mood as enum ('ok', 'it''s "quoted"');
        create table shapes (id bigint primary key, small smallint default 5, m mood, mo money, dv numeric,
        ints int[], decs numeric(6,2)[], texts text[], bools boolean[], stamps timestamp(6)[], h hstore, p point,
        bits bit(5), i interval, "dé day" date not null default '2020-01-01', "we ird" text)""",
        {"hstore.handling.mode": "map", "field.name.adjustment.mode": "avro", "schema.name.adjustment.mode": "avro"},
        before, live)


def run_case(stack: Stack, table: Table, converter: str, case: str) -> None:
    """Fills the table, lets Debezium read it and follow the changes, and writes the case's files."""
    database = "shop"
    with psycopg.connect(stack.addresses["SLUICE_STACK_POSTGRES"], autocommit=True) as admin:
        admin.execute(f"drop database if exists {database} with (force)")
        admin.execute(f"create database {database}")
    source = stack.addresses["SLUICE_STACK_POSTGRES"].rsplit("/", 1)[0] + f"/{database}"
    topic = f"shop.public.{table.name}"
    name = f"capture-{case.replace('/', '-')}-{int(time.time())}"
    options = {**table.options, "topic.prefix": "shop", "slot.name": "capture", "publication.name": "capture"}
    with psycopg.connect(source, autocommit=True) as db:
        for statement in [*table.ddl.split(";"), *table.before]:
            db.execute(statement)
        keys_before = db.execute(f"select count(*) from {table.name}").fetchone()[0]
        stack.kafka_tool("topics", "--delete", "--if-exists", "--topic", topic)
        stack.create_connector(name, {**stack.connect.debezium("shop", database, f"public.{table.name}",
                                                               converter=converter), **options})
        read_topic(stack, topic, keys_before)
        n_live = 0
        for statement in table.live:
            n_live += max(db.execute(statement).rowcount, 0)
        records = read_topic(stack, topic, keys_before + n_live, settle=2.0)
        server = db.execute("show server_version").fetchone()[0]
    stack.delete_connector(name)
    with psycopg.connect(source, autocommit=True) as db:
        wait_until(lambda: drop_slot(db), 20, "the connector leaves its replication slot")
    if converter == "avro":
        write_schemas(stack, case, records)
    write_case(case, records, table, converter, options, server)


def drop_slot(db: psycopg.Connection) -> bool:
    """False while the connector still holds it."""
    try:
        db.execute("select pg_drop_replication_slot('capture')")
    except psycopg.errors.ObjectInUse:
        return False
    return True


def read_topic(stack: Stack, topic: str, at_least: int, settle: float = 0.0) -> list:
    """All records of partition 0, once there are that many (and for `settle` seconds more)."""
    consumer = Consumer({"bootstrap.servers": stack.addresses["SLUICE_STACK_KAFKA"], "group.id": "capture",
                         "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    records, deadline, quiet = [], time.monotonic() + 60, None
    while quiet is None or time.monotonic() < quiet:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            records.append(message)
        if len(records) >= at_least and quiet is None:
            quiet = time.monotonic() + settle
        if time.monotonic() > deadline:
            raise SystemExit(f"capture: {len(records)} of {at_least} records in {topic} after 60 s")
    consumer.close()
    return records


def write_schemas(stack: Stack, case: str, records: list) -> None:
    """The schemas of keys and values; of each there is only one."""
    folder = OUT / case
    folder.mkdir(parents=True, exist_ok=True)
    for side, rows in (("key", [r.key() for r in records]), ("value", [r.value() for r in records if r.value()])):
        ids = {int.from_bytes(row[1:5], "big") for row in rows}
        assert len(ids) == 1 and all(row[0] == 0 for row in rows), (side, ids)
        url = f"{stack.addresses['SLUICE_STACK_REGISTRY']}/apis/ccompat/v7/schemas/ids/{ids.pop()}"
        status, text = request("GET", url)
        assert status == 200, (url, status, text)
        (folder / f"{side}.avsc").write_text(json.loads(text)["schema"] + "\n")


def write_case(case: str, records: list, table: Table, converter: str, options: dict[str, str],
               server: str) -> None:
    """One folder per case."""
    folder = OUT / case
    folder.mkdir(parents=True, exist_ok=True)
    lines = {"keys": [r.key() for r in records], "values": [r.value() or b"" for r in records]}
    if converter == "avro":
        lines = {file: [row.hex().encode() for row in rows] for file, rows in lines.items()}
    lines |= {"headers": [json.dumps([[k, v.decode()] for k, v in r.headers() or []]).encode() for r in records]}
    for file, rows in lines.items():
        assert all(b"\n" not in row for row in rows)
        (folder / file).write_bytes(b"\n".join(rows) + b"\n")
    version = "3.6.1.Final"
    if converter != "avro":
        version = next(json.loads(r.value()) for r in records if r.value())
        version = version.get("payload", version)["source"]["version"]
    chosen = ", ".join(f"{key}={value}" for key, value in options.items())
    (folder / "ORIGIN").write_text(
        f"Captured {datetime.date.today()} by tests/bench/capture: Debezium PostgreSQL connector {version} (plugin "
        f"pgoutput) in Kafka Connect 4.3.0 on PostgreSQL {server.split()[0]}, replica identity DEFAULT; "
        f"{CONVERTERS[converter]} for key and value, SimpleHeaderConverter; {chosen}; else defaults. "
        f"Table: {' '.join(table.ddl.split())}\n")
    print(f"{case}: {len(records)} records, values of {max(map(len, lines['values']))} bytes at most")


def main() -> None:
    """Every table with each of the two JSON converters, and with Avro."""
    parser = argparse.ArgumentParser(description="Captures Debezium's records into tests/data/debezium/.")
    parser.add_argument("--state", help="state folder of a running stack (services postgres, connect, registry)")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    arguments = parser.parse_args()
    stack = Stack(arguments.state)
    cases = [(table, converter, f"{table.name}-{suffix}") for table in (customers(), types())
             for converter, suffix in (("json-plain", "json"), ("json", "json-schema"))]
    cases += [(table, "avro", f"avro/{table.name}") for table in (customers(), types(), shapes())]
    for table, converter, case in cases:
        if arguments.only in case:
            run_case(stack, table, converter, case)


if __name__ == "__main__":
    main()
