"""Avro and JSON with JSON Schema, their schemas in a registry: the real connector, and records made by hand."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from sluice_stack import Stack
from sluice_testing import registry as made
from sluice_testing.scene import Scene
from sluice_testing.tls import Authority
from sluice_testing.wait import wait_until
from sluice_testing.worker import run_sluice

# Every value is written the same by both sides of the comparison (test_types.py has the edges of each type).
_TABLE = """CREATE TABLE wide (id bigint PRIMARY KEY, s smallint, i integer, l bigint, f real, d double precision,
    b boolean, n numeric(12,3), t text, c varchar(20), u uuid, j jsonb, y bytea, da date, ts timestamp(6),
    tm timestamp(3), tz timestamptz)"""
_ROW = """INSERT INTO wide SELECT g, g, -g, g::bigint << 40, g / 4.0, -g / 8.0, g % 2 = 0, g / 8.0, 'ü🚚 ' || g, '',
    gen_random_uuid(), '{{"a": [1, null]}}', decode('00ff0a', 'hex'), '2024-02-29'::date - g * 100,
    '1969-12-31 23:59:59.999999'::timestamp + g * '1 day'::interval, '2024-01-01 00:00:00.5',
    '2024-02-29 12:00:00.000001+02' FROM generate_series({}, {}) g"""


def _registry_url(stack: Stack) -> str:
    stack.up(["registry"])
    return stack.service("registry").url()


def test_snapshot_and_changes_equal(scene: Scene, stack: Stack) -> None:
    """Every kind of change, while the registry refuses, lags behind, and wants a password that no log shows."""
    upstream = _registry_url(stack)
    scene.source.execute(_TABLE, _ROW.format(1, 20), "INSERT INTO wide (id) VALUES (100)")
    with made.fake_registry(upstream) as registry:
        registry.refusals = [503, 404, 404, 429]
        worker = scene.run(registry__url=f"http://user:s3cretpw@{registry.address}/apis/ccompat/v7")
        scene.connector("wide", converter="avro")
        scene.wait_equal("wide", seconds=120)
        assert registry.requests[0][1] == "Basic dXNlcjpzM2NyZXRwdw=="
        scene.source.execute(_ROW.format(30, 35), "UPDATE wide SET t = 'changed', n = -0.001, s = NULL WHERE id < 5",
                             "UPDATE wide SET id = 200 WHERE id = 6", "DELETE FROM wide WHERE id IN (7, 8)",
                             "ALTER TABLE wide REPLICA IDENTITY FULL", "UPDATE wide SET t = NULL WHERE id = 9",
                             "DELETE FROM wide WHERE id = 10")
        scene.wait_equal("wide", seconds=120)
        # One request for each schema, whatever the number of records.
        paths = [path for path, _ in registry.requests]
        assert len(paths) - 4 == len(set(paths)) == 2, paths
        assert worker.terminate() == 0
    assert "s3cretpw" not in worker.log_text()


def test_ids_in_headers(scene: Scene, stack: Stack) -> None:
    """Apicurio's own framing: bare data, the id of the content in a header."""
    url = f"{_registry_url(stack)}/apis/ccompat/v7"
    scene.source.execute("CREATE TABLE small (id integer PRIMARY KEY, t text)",
                         "INSERT INTO small VALUES (-62, 'x'), (0, NULL)")
    worker = scene.run(registry__url=url)
    headers = {f"{side}__converter__apicurio__registry__{name}": value for side in ("key", "value")
               for name, value in (("headers__enabled", "true"), ("as-confluent", "false"))}
    scene.connector("small", converter="avro", **headers)
    scene.wait_equal("small", seconds=120)
    scene.source.execute("DELETE FROM small WHERE id = 0", "INSERT INTO small VALUES (2, 'y')")
    scene.wait_equal("small", seconds=120)
    assert worker.terminate() == 0


def _names(scene: Scene) -> list[tuple[int, str | None]]:
    rows = scene.clickhouse.rows(f"SELECT id, name FROM `{scene.name}`.t FINAL ORDER BY id")
    return [(row["id"], row["name"]) for row in rows]


def _wait_names(scene: Scene, want: list[tuple[int, str | None]]) -> None:
    def there() -> bool:
        assert scene.clickhouse.has_table("t")
        found = _names(scene)
        assert found == want, found
        return True
    wait_until(there, 60, f"rows {want}")


def _produce(scene: Scene, schema_id: int, row_id: int, name: str | None) -> None:
    lsn = 0x1000000 + row_id * 64
    scene.topics.produce(scene.topic("t"), made.framed(schema_id, made.avro_insert(scene.name, "t", row_id, name, lsn)),
                         made.framed(1, made.avro_key(row_id)))


def test_case_36_unknown_schema(scene: Scene) -> None:
    """A schema that the registry does not know stops the partition after a while and says so; once it is there, a
    restart goes on, and a new version of a schema that means the same is taken."""
    scene.topics.create(scene.topic("t"))
    with made.fake_registry() as registry:
        registry.schemas["/schemas/ids/1"] = {"schema": json.dumps(made.KEY_SCHEMA)}
        registry.schemas["/schemas/ids/2"] = {"schema": json.dumps(made.value_schema())}
        registry.schemas["/schemas/ids/4"] = {"schema": json.dumps(made.value_schema() | {"doc": "changed"})}
        _produce(scene, 2, 1, "one")
        _produce(scene, 3, 2, None)
        _produce(scene, 4, 3, "three")
        worker = scene.run(registry__url=f"http://{registry.address}", format="avro")
        line = worker.wait_event("partition_stopped", 60)
        assert line["offset"] == 1
        assert "schema id 3" in line["error"] and "answered 404" in line["error"], line
        _wait_names(scene, [(1, "one")])
        assert worker.terminate() == 1
        registry.schemas["/schemas/ids/3"] = registry.schemas["/schemas/ids/2"]
        worker.start()
        _wait_names(scene, [(1, "one"), (2, None), (3, "three")])
        # Nothing but framed records is wanted.
        scene.topics.produce(scene.topic("t"), b'{"before":null}', made.framed(1, made.avro_key(9)))
        line = worker.wait_event("partition_stopped", 60)
        assert "begins with byte 0x7b" in line["error"] and "format: avro" in line["error"], line
        assert worker.terminate() == 1


def test_check(scene: Scene) -> None:
    """`sluice check` asks the registry, with its credentials and without showing them."""
    with made.fake_registry() as registry:
        registry.schemas["/schemas/types"] = {"types": ["AVRO"]}
        config = scene.config_file(registry__url=f"http://user:s3cretpw@{registry.address}")
        good = run_sluice("check", "-c", str(config)).stdout
        assert f"http://{registry.address} answers" in good, good
        registry.refusals = [401]
        bad = run_sluice("check", "-c", str(config))
        assert bad.returncode == 1 and "answered 401" in bad.stdout and "registry.password" in bad.stdout, bad.stdout
        assert "s3cretpw" not in good + bad.stdout + bad.stderr


def test_client_certificates(scene: Scene, stack: Stack, tmp_path: Path) -> None:
    """https, an authority of one's own, and a registry that wants to see a certificate."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("sluice")
    scene.source.execute("CREATE TABLE small (id integer PRIMARY KEY, t text)", "INSERT INTO small VALUES (1, 'x')")
    with made.fake_registry(_registry_url(stack), authority.server()) as registry:
        scene.connector("small", converter="avro")
        options = {"registry__url": f"https://{registry.address}/apis/ccompat/v7",
                   "registry__ca_file": str(authority.ca_file)}
        refused = run_sluice("check", "-c", str(scene.config_file(**options)))
        assert refused.returncode == 1 and "registry.cert_file" in refused.stdout, refused.stdout
        options |= {"registry__cert_file": str(certificate), "registry__key_file": str(key)}
        unknown = run_sluice("check", "-c", str(scene.config_file(**options | {"registry__ca_file": ""})))
        assert unknown.returncode == 1 and "registry.ca_file" in unknown.stdout, unknown.stdout
        assert not registry.requests
        scene.run(**options)
        scene.wait_equal("small", seconds=120)
        assert registry.requests


def test_guids_and_json_schema(scene: Scene) -> None:
    """GUIDs in headers, then JSON with JSON Schema in the same topic."""
    scene.topics.create(scene.topic("t"))
    key, value = uuid.uuid4(), uuid.uuid4()
    columns = {"id": {"type": "integer", "connect.type": "int32", "connect.index": 0},
               "name": {"oneOf": [{"type": "null"}, {"type": "string"}], "connect.index": 1}}
    row = {"type": "object", "title": "made.public.t.Value", "properties": columns}
    after = {"oneOf": [{"type": "null"}, row], "connect.index": 1}
    with made.fake_registry() as registry:
        registry.schemas[f"/schemas/guids/{key}"] = {"schema": json.dumps(made.KEY_SCHEMA)}
        registry.schemas[f"/schemas/guids/{value}"] = {"schema": json.dumps(made.value_schema())}
        registry.schemas["/schemas/ids/5"] = {"schemaType": "JSON", "schema": json.dumps(
            {"type": "object", "properties": {"id": columns["id"]}})}
        registry.schemas["/schemas/ids/6"] = {"schemaType": "JSON", "schema": json.dumps(
            {"type": "object", "properties": {"after": after}})}
        scene.topics.produce(scene.topic("t"), made.avro_insert(scene.name, "t", 1, "one", 0x1000040), made.avro_key(1),
                             headers={"__key_schema_id": made.guid_header(key),
                                      "__value_schema_id": made.guid_header(value)})
        source = {"connector": "postgresql", "name": scene.name, "db": "made", "schema": "public", "table": "t",
                  "lsn": 0x1000080, "sequence": '["16777280","16777344"]', "ts_us": 1760000016777344}
        record = {"before": None, "after": {"id": 2, "name": None}, "source": source, "op": "c"}
        scene.topics.produce(scene.topic("t"), made.framed(6, json.dumps(record).encode()), made.framed(5, b'{"id":2}'))
        worker = scene.run(registry__url=f"http://{registry.address}")
        _wait_names(scene, [(1, "one"), (2, None)])
        # An id that means another schema, as in a registry that was made anew.
        scene.topics.produce(scene.topic("t"), made.framed(5, json.dumps(record).encode()), made.framed(5, b'{"id":2}'))
        line = worker.wait_event("partition_stopped", 60)
        assert "value of the record, schema id 5: " in line["error"] and "\"after\"" in line["error"], line
        assert worker.terminate() == 1
