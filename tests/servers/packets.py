"""What a router does to IPv4 packets: read addresses, and translate those of hosts behind it.

Source: RFC 791 and RFC 9293 (headers), RFC 1624 (checksums that change with a field), RFC 4787 (the kinds of NAT).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count

_TCP, _UDP = 6, 17
_CHECKSUM_AT = {_TCP: 16, _UDP: 6}
_SOURCE, _DESTINATION = 12, 16  # of the addresses, in the IP header
_IP_CHECKSUM = 10
_FIRST_PORT = 40_000
Flow = tuple[int, int, bytes, int]
"""Protocol, port on the outside, the other end's address and port."""


def source_of(packet: bytes) -> IPv4Address:
    """Return who sent a packet."""
    return IPv4Address(packet[_SOURCE : _SOURCE + 4])


def destination_of(packet: bytes) -> IPv4Address:
    """Return whom a packet is for."""
    return IPv4Address(packet[_DESTINATION : _DESTINATION + 4])


def is_ipv4(packet: bytes) -> bool:
    """Return whether these bytes are a packet of IPv4."""
    return len(packet) >= 20 and packet[0] >> 4 == 4


@dataclass(slots=True)
class Nat:
    """Lets hosts behind it speak first, and nobody else speak to them: address- and port-dependent filtering.

    Attributes:
        inside: The host behind it.
        outside: What others see instead.
        n_refused: Packets that came without having been asked for.
    """

    inside: IPv4Address
    outside: IPv4Address
    n_refused: int = 0
    _ports: dict[tuple[int, int], int] = field(default_factory=dict)
    _asked: dict[Flow, int] = field(default_factory=dict)
    _free: Iterator[int] = field(default_factory=lambda: count(_FIRST_PORT))

    def outwards(self, packet: bytes) -> bytes | None:
        """Return a packet of the host as the world sees it; None where it cannot be translated."""
        parts = _Parts.read(packet)
        if parts is None:
            return None
        key = (parts.protocol, parts.source_port)
        if key not in self._ports:
            self._ports[key] = next(self._free)
        port = self._ports[key]
        self._asked[parts.protocol, port, packet[_DESTINATION : _DESTINATION + 4], parts.destination_port] = key[1]
        return _translated(packet, parts, _SOURCE, self.outside, port)

    def inwards(self, packet: bytes) -> bytes | None:
        """Return an answer as the host gets it; None where the host never asked."""
        parts = _Parts.read(packet)
        sender = packet[_SOURCE : _SOURCE + 4]
        if parts is None:
            return None
        port = self._asked.get((parts.protocol, parts.destination_port, sender, parts.source_port))
        if port is None:
            self.n_refused += 1
            return None
        return _translated(packet, parts, _DESTINATION, self.inside, port)

    def forget(self) -> None:
        """Lose the state, as a router that was switched off and on."""
        self._ports.clear()
        self._asked.clear()


@dataclass(frozen=True, slots=True)
class _Parts:
    """Where things are in a packet of TCP or UDP."""

    protocol: int
    header: int
    source_port: int
    destination_port: int

    @classmethod
    def read(cls, packet: bytes) -> _Parts | None:
        header = 4 * (packet[0] & 0x0F)
        protocol = packet[9]
        if protocol not in _CHECKSUM_AT or len(packet) < header + 8:
            return None
        source, destination = struct.unpack_from("!HH", packet, header)
        return cls(protocol, header, source, destination)


def _translated(packet: bytes, parts: _Parts, at: int, address: IPv4Address, port: int) -> bytes:
    """Replace the address at a place and its port, and mend both checksums."""
    changed = bytearray(packet)
    port_at = parts.header + (0 if at == _SOURCE else 2)
    before = struct.unpack_from("!HH", packet, at)
    old_port = struct.unpack_from("!H", packet, port_at)
    changed[at : at + 4] = address.packed
    struct.pack_into("!H", changed, port_at, port)
    after = struct.unpack("!HH", address.packed)
    checksum_at = parts.header + _CHECKSUM_AT[parts.protocol]
    _mend(changed, _IP_CHECKSUM, before, after)
    if parts.protocol == _TCP or struct.unpack_from("!H", packet, checksum_at)[0]:  # UDP may go without
        _mend(changed, checksum_at, before + old_port, (*after, port))
    return bytes(changed)


def _mend(packet: bytearray, at: int, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    (old,) = struct.unpack_from("!H", packet, at)
    total = (~old & 0xFFFF) + sum(~word & 0xFFFF for word in before) + sum(after)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", packet, at, ~total & 0xFFFF)
