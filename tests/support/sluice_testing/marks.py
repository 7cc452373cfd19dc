"""The texts beside the committed offsets of a group, asked from the broker by hand: confluent_kafka takes them for texts
that end with a zero, which they do not."""

from __future__ import annotations

import socket
import struct


def committed_texts(address: str, group: str, topics: dict[str, int]) -> dict[tuple[str, int], str]:
    """By topic and partition; `topics` gives the number of partitions. OffsetFetch, version 1, of the only broker."""
    def text(value: str) -> bytes:
        return struct.pack(">h", len(value)) + value.encode()

    body = struct.pack(">hhi", 9, 1, 1) + text("tests") + text(group) + struct.pack(">i", len(topics))
    for topic, partitions in topics.items():
        body += text(topic) + struct.pack(f">i{partitions}i", partitions, *range(partitions))
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as link:
        link.sendall(struct.pack(">i", len(body)) + body)
        size = struct.unpack(">i", link.recv(4, socket.MSG_WAITALL))[0]
        return _parse(link.recv(size, socket.MSG_WAITALL))


def _parse(reply: bytes) -> dict[tuple[str, int], str]:
    at = 4  # behind the correlation id
    found: dict[tuple[str, int], str] = {}

    def take(layout: str) -> int:
        nonlocal at
        value = struct.unpack_from(layout, reply, at)[0]
        at += struct.calcsize(layout)
        return int(value)

    def take_text() -> str:
        nonlocal at
        size = max(0, take(">h"))
        at += size
        return reply[at - size:at].decode()

    for _ in range(take(">i")):
        topic = take_text()
        for _ in range(take(">i")):
            partition, offset, text, error = take(">i"), take(">q"), take_text(), take(">h")
            assert error == 0, f"OffsetFetch of {topic} [{partition}]: error {error}"
            if offset >= 0:
                found[topic, partition] = text
    return found
