"""What the worker refuses at its start, and the message and exit code an operator gets."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from sluice_testing.scene import Scene
from sluice_testing.worker import run_sluice


def _run(scene: Scene, *arguments: str, **options: Any) -> tuple[int, str]:
    path = scene.config_file(**{"start__timeout": "2s", "kafka__topics": [scene.topic("t")], **options})
    done = run_sluice("run", "-c", str(path), *arguments)
    return done.returncode, done.stderr


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(("option", "value", "words"), [
    ("clickhose__url", "http://localhost:1", ["clickhose", "clickhouse"]),
    ("batch__max_row", 5, ["batch.max_row", "batch.max_rows"]),
    ("batch__max_age", 5, ["batch.max_age", "unit"]),
    ("batch__max_bytes", "16", ["batch.max_bytes", "unit"]),
    ("batch__max_age", "5 parsec", ["batch.max_age", "parsec"]),
    ("batch__max_rows", 0, ["batch.max_rows", "1"]),
    ("delivery", "exactly_twice", ["delivery", "exactly_once", "at_least_once"]),
    ("kafka__enable.auto.commit", "true", ["kafka.enable.auto.commit", "ClickHouse"]),
    ("kafka__topics", ["^a("], ["kafka.topics", "regular expression"]),
    ("name", None, ["name"]),
])
def test_wrong_configuration(scene: Scene, option: str, value: Any, words: list[str]) -> None:
    """Exit code 2 before anything is contacted; the message names file, option and remedy."""
    code, text = _run(scene, **{option: value})
    assert code == 2, text
    for word in words:
        assert word in text, text
    assert "config.yaml" in text, text


def test_missing_file_and_broken_file(scene: Scene) -> None:
    """No file, and no YAML."""
    done = run_sluice("run", "-c", str(scene.folder / "none.yaml"))
    assert done.returncode == 2 and "none.yaml" in done.stderr, done.stderr
    broken = scene.folder / "broken.yaml"
    broken.write_text("name: [\n")
    done = run_sluice("run", "-c", str(broken))
    assert done.returncode == 2 and "broken.yaml" in done.stderr, done.stderr


def test_unreachable_broker(scene: Scene) -> None:
    """Nothing listens there: exit code 1 after start.timeout, and the option that names the address."""
    code, text = _run(scene, kafka__bootstrap__servers=f"127.0.0.1:{_free_port()}")
    assert code == 1, text
    assert "kafka.bootstrap.servers" in text, text


def test_unreachable_clickhouse(scene: Scene) -> None:
    """Nothing listens there: exit code 1 after start.timeout."""
    port = _free_port()
    code, text = _run(scene, clickhouse__url=f"http://127.0.0.1:{port}")
    assert code == 1, text
    assert f"127.0.0.1:{port}" in text and "start.timeout" in text, text


def test_unknown_database(scene: Scene) -> None:
    """The database must exist; the message says how to make it."""
    code, text = _run(scene, clickhouse__database="nowhere")
    assert code == 1, text
    assert '"nowhere"' in text and "CREATE DATABASE" in text and "clickhouse.database" in text, text


@pytest.mark.parametrize(("server_code", "words"), [
    (516, ["516", "password"]),
    (497, ["497", "grant"]),
    (192, ["192", "user"]),
])
def test_refused_by_the_server_at_the_start(scene: Scene, server_code: int, words: list[str]) -> None:
    """Wrong password, missing grant, unknown user: waiting does not help, so the worker ends at once."""
    scene.clickhouse.fault("refuse", code=server_code, count=1000, match="SELECT")
    code, text = _run(scene, start__timeout="60s")
    assert scene.clickhouse.fault_hits() > 0
    assert code == 1, text
    for word in words:
        assert word in text, text


def test_secrets_are_never_shown(scene: Scene) -> None:
    """The password stands neither in the log nor in a message."""
    secret = "s3cr3t-word"
    scene.clickhouse.fault("refuse", code=516, count=1000, match="SELECT")
    code, text = _run(scene, clickhouse__password=secret)
    assert code == 1 and secret not in text, text
    shown = run_sluice("config", "show", "-c", str(scene.config_file(clickhouse__password=secret)))
    assert shown.returncode == 0 and "clickhouse.password" in shown.stdout and secret not in shown.stdout, shown


def test_wrong_command_line() -> None:
    """Exit code 2."""
    assert run_sluice("run", "--nonsense").returncode == 2
    assert run_sluice("dance").returncode == 2
    assert run_sluice("run").returncode == 2
