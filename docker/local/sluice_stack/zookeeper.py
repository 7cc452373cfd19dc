"""ZooKeeper, the Keeper behind ClickHouse's KeeperMap tables."""

from __future__ import annotations

import socket

from . import layout, ports
from .java import java_command, properties
from .service import Service

_LOGBACK = """\
<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{yyyy-MM-dd HH:mm:ss.SSS} %-5level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="info"><appender-ref ref="console"/></root>
</configuration>
"""


class ZooKeeper(Service):
    """One stand-alone node; forceSync=no, as it is a throw-away stack (kill -9 of the process loses nothing)."""

    name = "zookeeper"
    port_names = ("zookeeper",)

    def prepare(self) -> None:
        (self.folder / "logback.xml").write_text(_LOGBACK)
        (self.folder / "zoo.cfg").write_text(properties({
            "dataDir": self.folder / "data",
            "clientPort": self.port,
            "clientPortAddress": ports.HOST,
            "tickTime": 1000,
            "maxSessionTimeout": 60000,
            "maxClientCnxns": 0,
            "admin.enableServer": "false",
            "4lw.commands.whitelist": "ruok,srvr,mntr",
            "autopurge.purgeInterval": 1,
        }))

    def command(self) -> list[str]:
        return [*java_command(192, "-XX:TieredStopAtLevel=1"), "-Dzookeeper.forceSync=no",
                f"-Dlogback.configurationFile={self.folder / 'logback.xml'}", "-Dzookeeper.jmx.log4j.disable=true",
                "-cp", layout.class_path("zookeeper"), "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                str(self.folder / "zoo.cfg")]

    def answers(self) -> bool:
        """`srvr` names the mode only while requests are served; `ruok` is answered earlier."""
        with socket.create_connection((ports.HOST, self.port), timeout=2) as link:
            link.sendall(b"srvr")
            reply = b""
            while chunk := link.recv(4096):
                reply += chunk
        return b"Mode: standalone" in reply

    def url(self) -> str:
        return self.address
