"""What the services on a Java machine share."""

from __future__ import annotations

from . import layout

# slf4j-simple, the only logger on Kafka's class path, writes to stderr.
KAFKA_LOG = ["-Dorg.slf4j.simpleLogger.showDateTime=true",
             "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
             "-Dorg.slf4j.simpleLogger.showThreadName=false",
             "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
             "-Dorg.slf4j.simpleLogger.log.org.reflections=error"]


def java_command(heap_mib: int, *options: str) -> list[str]:
    """java with a bounded heap and the collector that costs least beside other programs on a few cores."""
    return [layout.java(), f"-Xmx{heap_mib}m", "-Xms64m", "-XX:+UseSerialGC", "-XX:MaxMetaspaceSize=192m",
            "-Djava.net.preferIPv4Stack=true", "-Djava.awt.headless=true", *options]


def properties(values: dict[str, object]) -> str:
    """The text of a .properties file."""
    return "".join(f"{key}={str(value).replace(chr(92), chr(92) * 2)}\n" for key, value in values.items())
