"""Kafka's transaction requests one by one over a socket, to send late what a client library would never send late.

Layouts: Kafka protocol guide, InitProducerId 0, AddOffsetsToTxn 0, TxnOffsetCommit 0, EndTxn 0. One broker is assumed,
which is then every coordinator.
"""

from __future__ import annotations

import dataclasses
import socket
import struct

from .wait import wait_until

_INIT, _ADD, _END, _OFFSETS = 22, 25, 26, 28
_NAMES = {0: "", 47: "INVALID_PRODUCER_EPOCH", 48: "INVALID_TXN_STATE", 49: "INVALID_PRODUCER_ID_MAPPING",
          51: "CONCURRENT_TRANSACTIONS", 90: "PRODUCER_FENCED", 120: "TRANSACTION_ABORTABLE"}


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


@dataclasses.dataclass
class Producer:
    """What the broker knows a transactional producer by."""

    id: int
    epoch: int

    def packed(self) -> bytes:
        """As it stands in requests."""
        return struct.pack(">qh", self.id, self.epoch)


class Wire:
    """One connection, one transactional id."""

    def __init__(self, bootstrap: str, transactional_id: str, group: str) -> None:
        host, _, port = bootstrap.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), 10)
        self._id = _text(transactional_id)
        self._group = _text(group)

    def _ask(self, key: int, body: bytes) -> bytes:
        request = struct.pack(">hhi", key, 0, 1) + _text("wire") + body
        self._socket.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", self._read(4))
        return self._read(size)[8:]  # without correlation id and throttle time

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            assert more, "the broker closed the connection"
            data += more
        return data

    @staticmethod
    def _name(code: int) -> str:
        return _NAMES.get(code, str(code))

    def init(self) -> Producer:
        """A new epoch; ends what was open."""
        def begun() -> Producer | None:
            code, producer, epoch = struct.unpack(">hqh", self._ask(_INIT, self._id + struct.pack(">i", 5000)))
            assert code in (0, 51, 14, 15, 16), code  # loading, unknown, not the coordinator yet
            return Producer(producer, epoch) if code == 0 else None
        return wait_until(begun, 20, "the transactional id is ready") or Producer(-1, -1)

    def add(self, producer: Producer) -> str:
        """The group's offsets belong to the transaction; "" or the error's name."""
        def added() -> str | None:
            code = self._name(struct.unpack(">h", self._ask(_ADD, self._id + producer.packed() + self._group))[0])
            return None if code == "CONCURRENT_TRANSACTIONS" else f" {code}"
        return wait_until(added, 10, "the transaction before is over").strip()

    def offsets(self, producer: Producer, topic: str, offset: int, metadata: str) -> str:
        """Partition 0's offset and text, without a membership."""
        answer = self._ask(_OFFSETS, self._id + self._group + producer.packed() + struct.pack(">i", 1) + _text(topic)
                           + struct.pack(">iiq", 1, 0, offset) + _text(metadata))
        return self._name(struct.unpack(">h", answer[-2:])[0])

    def end(self, producer: Producer) -> str:
        """Commits."""
        return self._name(struct.unpack(">h", self._ask(_END, self._id + producer.packed() + b"\x01"))[0])

    def close(self) -> None:
        """The connection."""
        self._socket.close()
