"""One Kafka node in KRaft mode: broker and controller in one process."""

from __future__ import annotations

import socket
import struct
import subprocess
import uuid
from base64 import urlsafe_b64encode

from . import layout, ports
from .errors import StackError
from .java import KAFKA_LOG, java_command, properties
from .service import Service


def way_port_names(ways: int) -> list[tuple[str, str]]:
    """Names of the ports of additional listeners, and of those that a proxy before each has to take."""
    return [(f"kafka-way-{i}", f"kafka-way-{i}-proxy") for i in range(ways)]


class Kafka(Service):
    """The broker. Topics are made on first use with one partition; tests make theirs as they need them."""

    name = "kafka"
    port_names = ("kafka", "kafka-controller")

    def prepare(self) -> None:
        config = self.folder / "server.properties"
        config.write_text(properties(self._settings()))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()

    def ways(self) -> list[tuple[str, int]]:
        """Additional ways in, for tests that put a proxy before the broker: where it listens, and the port that it
        tells clients for this way."""
        return [(f"{ports.HOST}:{self.ports[way]}", self.ports[way_proxy])
                for way, way_proxy in way_port_names(int(self.notes.get("kafka_ways", "0")))]

    def _settings(self) -> dict[str, object]:
        ways = list(enumerate(self.ways()))
        listeners = "".join(f",WAY{i}://{address}" for i, (address, _) in ways)
        advertised = "".join(f",WAY{i}://{ports.HOST}:{port}" for i, (_, port) in ways)
        protocols = "".join(f",WAY{i}:PLAINTEXT" for i, _ in ways)
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{ports.HOST}:{self.ports['kafka-controller']}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{ports.HOST}:{self.ports['kafka-controller']}"
                         f"{listeners}",
            "advertised.listeners": f"PLAINTEXT://{self.address}{advertised}",
            "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}",
            "log.dirs": self.folder / "data",
            "auto.create.topics.enable": "true",
            "num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            # Records may carry time stamps of long ago, and a test reads again later: nothing is to vanish meanwhile.
            "log.retention.ms": -1,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
            # A broker killed with -9 may register again only after its old session has run out (default 9 s).
            "broker.session.timeout.ms": 4000,
            "broker.heartbeat.interval.ms": 500,
        }

    def _format(self) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        made = subprocess.run(
            [*java_command(128, "-XX:TieredStopAtLevel=1"), "-cp", layout.class_path("kafka"),
             "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config",
             str(self.folder / "server.properties"), "--ignore-formatted"],
            capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise StackError(f"kafka: formatting {self.folder / 'data'} failed:\n{made.stdout}{made.stderr}")

    def command(self) -> list[str]:
        return [*java_command(512, *KAFKA_LOG), "-cp", layout.class_path("kafka"), "kafka.Kafka",
                str(self.folder / "server.properties")]

    def answers(self) -> bool:
        """ApiVersions, version 0, is answered without an error (the listener opens when the broker is unfenced)."""
        body = struct.pack(">hhih", 18, 0, 7, -1)
        with socket.create_connection((ports.HOST, self.port), timeout=2) as link:
            link.sendall(struct.pack(">i", len(body)) + body)
            reply = link.recv(10, socket.MSG_WAITALL)
        return len(reply) == 10 and struct.unpack(">iih", reply)[1:] == (7, 0)

    def url(self) -> str:
        return self.address

    def tool(self, main_class: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one of Kafka's own programs; the caller gives every argument."""
        return subprocess.run(
            [*java_command(256, "-XX:TieredStopAtLevel=1", *KAFKA_LOG,
                           "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
             "-cp", layout.class_path("kafka"), main_class, *arguments],
            capture_output=True, text=True, check=False)
