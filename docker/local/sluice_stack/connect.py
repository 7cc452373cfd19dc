"""Kafka Connect with Debezium's PostgreSQL connector and three converters."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

from . import layout, postgres
from .errors import StackError
from .java import KAFKA_LOG, java_command, properties
from .rest import request
from .service import Service

_JSON = "org.apache.kafka.connect.json.JsonConverter"
_AVRO = "io.apicurio.registry.utils.converter.AvroConverter"


class Connect(Service):
    """A worker in distributed mode: unlike a stand-alone one, it still knows its connectors after a restart."""

    name = "connect"
    needs = ("kafka",)
    port_names = ("connect",)

    def prepare(self) -> None:
        (self.folder / "worker.properties").write_text(properties({
            "bootstrap.servers": f"127.0.0.1:{self.ports['kafka']}",
            "group.id": "stack-connect",
            "key.converter": _JSON,
            "value.converter": _JSON,
            "config.storage.topic": "stack-connect-configs",
            "offset.storage.topic": "stack-connect-offsets",
            "status.storage.topic": "stack-connect-status",
            "config.storage.replication.factor": 1,
            "offset.storage.replication.factor": 1,
            "status.storage.replication.factor": 1,
            "offset.storage.partitions": 1,
            "status.storage.partitions": 1,
            "offset.flush.interval.ms": 1000,
            "scheduled.rebalance.max.delay.ms": 0,
            # A killed worker's place in the group is free again after this time, not after 10 s.
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 1000,
            "listeners": f"http://{self.address}",
            "rest.advertised.host.name": "127.0.0.1",
            "plugin.path": layout.require(layout.local_home() / "plugins"),
            "plugin.discovery": "service_load",
        }))

    def command(self) -> list[str]:
        return [*java_command(512, *KAFKA_LOG), "-cp", layout.class_path("kafka"),
                "org.apache.kafka.connect.cli.ConnectDistributed", str(self.folder / "worker.properties")]

    def answers(self) -> bool:
        """The list of connectors comes only from a worker that has joined its group."""
        return request("GET", f"{self.url()}/connectors", timeout=2)[0] == 200

    def url(self) -> str:
        return f"http://{self.address}"

    def converter(self, kind: str) -> dict[str, str]:
        """Converter settings for a connector: `json` (schema in every record), `json-plain` or `avro`."""
        if kind not in ("json", "json-plain", "avro"):
            raise StackError(f"converter {kind!r} is none of json, json-plain, avro")
        settings: dict[str, str] = {}
        for side in ("key.converter", "value.converter"):
            if kind == "avro":
                settings |= {
                    side: _AVRO,
                    f"{side}.apicurio.registry.url": f"http://127.0.0.1:{self.ports['registry']}/apis/registry/v2",
                    f"{side}.apicurio.registry.auto-register": "true",
                    f"{side}.apicurio.registry.find-latest": "true",
                    # Confluent's framing: magic byte and id in front of the data, not in Kafka headers.
                    f"{side}.apicurio.registry.as-confluent": "true",
                    f"{side}.apicurio.registry.use-id": "contentId",
                    f"{side}.apicurio.registry.headers.enabled": "false",
                }
            else:
                settings |= {side: _JSON, f"{side}.schemas.enable": "true" if kind == "json" else "false",
                             # Otherwise NULL in a column with a default arrives as the default. Apicurio's has no such option.
                             f"{side}.replace.null.with.default": "false"}
        return settings

    def debezium(self, prefix: str, database: str, tables: str, converter: str = "json",
                 **more: str) -> dict[str, str]:
        """The settings of a Debezium connector on the stack's PostgreSQL.

        `tables` is a list of schema.table as Debezium takes it. Slot and publication are named after the prefix.
        `more` overrides or adds; a dot in a name is written as two underscores.
        """
        slot = "".join(c if c.isalnum() else "_" for c in prefix.lower())
        return {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "tasks.max": "1",
            "plugin.name": "pgoutput",
            "database.hostname": "127.0.0.1",
            "database.port": str(self.ports["postgres"]),
            "database.user": postgres.USER,
            "database.password": postgres.PASSWORD,
            "database.dbname": database,
            "topic.prefix": prefix,
            "slot.name": slot,
            "publication.name": slot,
            "publication.autocreate.mode": "filtered",
            "table.include.list": tables,
            # After a lost database or broker; the default is 10 s.
            "retriable.restart.connector.wait.ms": "1000",
            **self.converter(converter),
            **{key.replace("__", "."): value for key, value in more.items()},
        }

    def create_connector(self, name: str, config: dict[str, Any], seconds: float = 120.0) -> None:
        """Makes or changes a connector and waits until it and its tasks run."""
        where = f"{self.url()}/connectors/{quote(name, safe='')}"
        deadline = time.monotonic() + seconds
        self._retry_conflict("PUT", f"{where}/config", config, (200, 201), f"connector {name}", deadline)
        while True:
            status, text = self._ask("GET", f"{where}/status")
            parts = self._parts(json.loads(text)) if status == 200 else []
            failed = [part for part in parts if part["state"] == "FAILED"]
            if failed:
                raise StackError(f"connector {name} failed:\n{failed[0].get('trace', text)}")
            if len(parts) > 1 and all(part["state"] == "RUNNING" for part in parts):
                return
            if time.monotonic() > deadline:
                raise StackError(f"connector {name} does not run after {seconds:.0f} s: {text.strip()}; "
                                 f"the worker's log is {self.process.log}")
            time.sleep(0.2)

    def delete_connector(self, name: str, seconds: float = 30.0) -> None:
        """Removes a connector; its slot and publication stay in the database. None there: nothing to do."""
        where = f"{self.url()}/connectors/{quote(name, safe='')}"
        deadline = time.monotonic() + seconds
        self._retry_conflict("DELETE", where, None, (204, 404), f"connector {name}", deadline)
        while self._ask("GET", f"{where}/status")[0] != 404:
            if time.monotonic() > deadline:
                raise StackError(f"connector {name} is still there {seconds:.0f} s after it was deleted")
            time.sleep(0.1)

    def failure(self, name: str) -> str:
        """Why the connector or its task failed; empty if it did not."""
        status, text = self._ask("GET", f"{self.url()}/connectors/{quote(name, safe='')}/status")
        failed = [part for part in self._parts(json.loads(text)) if part["state"] == "FAILED"] if status == 200 else []
        return str(failed[0].get("trace", text)) if failed else ""

    def position(self, name: str) -> dict[str, Any] | None:
        """The position in the source up to which all was acknowledged by Kafka; None if none is recorded yet."""
        status, text = self._ask("GET", f"{self.url()}/connectors/{quote(name, safe='')}/offsets")
        entries = json.loads(text)["offsets"] if status == 200 else []
        return dict(entries[0]["offset"]) if entries else None

    @staticmethod
    def _parts(status: dict[str, Any]) -> list[dict[str, Any]]:
        return [status["connector"], *status["tasks"]]

    def _ask(self, method: str, url: str, body: Any = None) -> tuple[int, str]:
        try:
            return request(method, url, body, timeout=30)
        except OSError as error:
            raise StackError(f"connect does not answer at {url}: {error}; its log is {self.process.log}") from error

    def _retry_conflict(self, method: str, url: str, body: Any, wanted: tuple[int, ...], what: str,
                        deadline: float) -> None:
        """409 means that the worker's group is rebalancing: ask again. So does no answer at all, as behind a restart of
        the broker; asking twice does no harm."""
        while True:
            try:
                status, text = self._ask(method, url, body)
            except StackError:
                if time.monotonic() > deadline:
                    raise
                continue
            if status in wanted:
                return
            if status != 409 or time.monotonic() > deadline:
                raise StackError(f"{what}: connect answers {status} to {method}: {text.strip()}")
            time.sleep(0.2)
