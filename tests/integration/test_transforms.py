"""Transforms of columns with the real connector: what is stored, that the same value is always stored the same, in keys
too, and that the values themselves are nowhere to be found."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until
from sluice_testing.worker import run_sluice

KEY = "a key of the tests, long enough"
_TOKEN_KEY = hmac.digest(KEY.encode(), b"sluice tokenize", "sha256")


def hashed(text: str) -> str:
    """The transform hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def keyed(text: str, key_id: str = "k1") -> str:
    """The transform hmac."""
    return key_id + ":" + hmac.digest(KEY.encode(), text.encode(), "sha256").hex()


def token(text: str) -> str:
    """The transform tokenize."""
    digits = base64.b32encode(hmac.digest(_TOKEN_KEY, text.encode(), "sha256")[:16]).decode().rstrip("=").lower()
    name, at, domain = text.rpartition("@")
    return digits + at + domain if name and "." in domain else digits


TRANSFORMS = {"phone": "tokenize", "email": "hmac", "mail2": "tokenize", "ssn": "drop", "name": "mask", "note": "hash",
              "age": "mask"}
TABLE = """CREATE TABLE customers (phone text, line integer, email text, mail2 text, ssn text NOT NULL, name text, note text,
                                   age integer NOT NULL, city text, PRIMARY KEY (phone, line))"""
# What must not be seen anywhere behind the transforms.
SECRETS = ("+49 30", "anna", "bertä", "123-45", "confidential")


def _rules(**more: Any) -> dict[str, Any]:
    rule = {"match": r"\.public\.(.+)$", "transforms": TRANSFORMS, **more}
    return {"tables.rules": [rule], "transforms.key": KEY, "transforms.key_id": "k1"}


def _expected(scene: Scene) -> list[tuple[Any, ...]]:
    def or_none(transform: Any, value: str | None) -> str | None:
        return None if value is None else transform(value)
    rows = scene.source.query("SELECT phone, line, email, mail2, name, note, city FROM customers")
    return sorted((token(phone), line, or_none(keyed, email), or_none(token, mail2), None if name is None else "****",
                   or_none(hashed, note), 0, city)
                  for phone, line, email, mail2, name, note, city in rows)


def _stored(scene: Scene) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in scene.clickhouse.rows(
        "SELECT phone, line, email, mail2, name, note, age, city FROM customers FINAL WHERE is_deleted = 0"))


def _wait_equal(scene: Scene) -> None:
    expected = _expected(scene)

    def equal() -> bool:
        stored = _stored(scene)
        assert stored == expected, f"stored {stored}, expected {expected}"
        return True
    wait_until(equal, 60, "the transformed rows are equal", every=0.2)


def _fill(scene: Scene) -> None:
    scene.source.execute(
        TABLE,
        "INSERT INTO customers VALUES ('+49 30 1', 1, 'anna@example.com', 'anna@example.com', '123-45-1', 'anna', 'confidential', 30, 'x')",
        "INSERT INTO customers VALUES ('+49 30 1', 2, 'anna@example.com', NULL, '123-45-2', NULL, NULL, 31, 'x')",
        "INSERT INTO customers VALUES ('bertä \"q\" \\', 1, NULL, 'no address', '123-45-3', '', '', 32, NULL)",
        "INSERT INTO customers VALUES ('+49 30 4', 1, E'bertä\\n@b\\u00fcro.example', E'bert\\u00e4@b\\u00fcro.example', '123-45-4', 'b', "
        "'confidential 🚚', 33, 'y')")


def _change(scene: Scene) -> None:
    scene.source.execute(
        "UPDATE customers SET email = 'anna@example.org', note = NULL WHERE line = 1",
        "UPDATE customers SET phone = '+49 30 9' WHERE phone = '+49 30 4'",
        "DELETE FROM customers WHERE phone = '+49 30 1' AND line = 2",
        "DELETE FROM customers WHERE phone LIKE 'bert%'",
        "INSERT INTO customers VALUES ('+49 30 5', 7, 'anna@example.com', 'x', '123-45-5', 'c', 'd', 34, 'z')",
        "INSERT INTO customers VALUES ('+49 30 6', 8, 'anna@example.com', 'x', '123-45-6', 'c', 'd', 35, 'z')",
        "DELETE FROM customers WHERE phone = '+49 30 6'")


def _seen_anywhere(scene: Scene) -> list[str]:
    texts = [worker.log.read_text(errors="replace") for worker in scene.workers]
    texts.append(scene.clickhouse.execute("SELECT * FROM customers FORMAT TSVRaw"))
    return [secret for secret in SECRETS if any(secret in text for text in texts)]


@pytest.mark.parametrize("converter", ["json", "json-plain", "avro"])
def test_transforms(scene: Scene, converter: str) -> None:
    """Snapshot, inserts, updates, deletes and changed keys, in a made table and, without schemas, in an existing one."""
    _fill(scene)
    more: dict[str, Any] = {}
    if converter == "avro":
        scene.stack.up(["registry"])
        more = {"registry.url": scene.stack.service("registry").url() + "/apis/ccompat/v7"}
    if converter == "json-plain":
        scene.clickhouse.execute(
            "CREATE TABLE customers (phone FixedString(26), line Int32, email Nullable(String), mail2 Nullable(String), "
            "name Nullable(String), note Nullable(FixedString(64)), age Int32, city Nullable(String), "
            "_version UInt128, is_deleted UInt8) "
            "ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY (phone, line)")
    worker = scene.run(**_rules(), **more)
    scene.connector("customers", converter=converter)
    _wait_equal(scene)
    _change(scene)
    _wait_equal(scene)
    if converter != "json-plain":
        columns = {row["name"]: row["type"] for row in scene.clickhouse.rows(
            f"SELECT name, type FROM system.columns WHERE database = '{scene.name}' AND table = 'customers'")}
        assert "ssn" not in columns
        assert columns["phone"] == "String" and columns["email"] == "Nullable(String)" and columns["age"] == "Int32"
    assert not _seen_anywhere(scene)
    assert worker.terminate() == 0


def test_unchanged_large_value(scene: Scene) -> None:
    """The placeholder of a value that did not change is never hashed: the hash of the value stays."""
    _fill(scene)
    scene.source.execute("ALTER TABLE customers ALTER note SET STORAGE EXTERNAL",
                         "UPDATE customers SET note = 'confidential' || repeat('x', 5000) WHERE line = 1")
    worker = scene.run(**_rules())
    scene.connector("customers")
    _wait_equal(scene)
    scene.source.execute("UPDATE customers SET city = 'moved'",
                         "UPDATE customers SET phone = '+49 30 8' WHERE phone = '+49 30 4'")
    _wait_equal(scene)
    hashes = scene.clickhouse.values("SELECT note FROM customers WHERE note IS NOT NULL")
    assert hashed("__debezium_unavailable_value") not in hashes
    assert not _seen_anywhere(scene)
    assert worker.terminate() == 0


def test_refused_transforms(scene: Scene) -> None:
    """What can't be done stops the partition, by name and with the remedy, and shows no value."""
    _fill(scene)
    worker = scene.run(**_rules(transforms={"phone": "mask"}))
    scene.connector("customers")
    reason = wait_until(lambda: next((p["error"] for p in worker.status()["partitions"] if p.get("error")), ""), 60,
                        "the partition stops")
    assert 'column "phone" with the transform mask' in json.dumps(reason).replace("\\", "")
    assert "use hash, hmac or tokenize" in json.dumps(reason)
    assert not any(secret in worker.log.read_text(errors="replace") for secret in SECRETS)
    worker.kill9()


def test_the_key_is_never_shown(scene: Scene) -> None:
    """config show prints the rules, not the key."""
    path = scene.config_file(**_rules())
    for output in ("table", "json"):
        shown = run_sluice("config", "show", "-c", str(path), "--output", output)
        assert shown.returncode == 0, shown.stderr
        assert "tables.rules[0].transforms.email" in shown.stdout
        assert KEY not in shown.stdout + shown.stderr
    missing = run_sluice("check", "-c", str(path), "--set", "transforms.key=")
    assert missing.returncode == 2
    assert "transforms.key: is missing, and tables.rules use hmac or tokenize" in missing.stderr
