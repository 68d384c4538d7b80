"""Hold a network namespace: `unshare --user --map-root-user --net python -m tests.servers.holder SOCKET ADDRESS`.

Gives the namespace one device whose other end is a file, sends that file to whoever started this, and stays until the
socket is closed, by the other side or by its death.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys

_TUNSETIFF = 0x400454CA
_SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8916, 0x891C, 0x8913, 0x8914
_IFF_TUN_WITHOUT_HEADER, _IFF_UP = 0x1001, 0x1
_DEVICE = b"tunewell0"
_MASK = "255.0.0.0"  # wide: everything else lies behind the device


def open_device(name: bytes) -> int:
    """Make a network device whose packets are read from and written to the file that is returned.

    Source: the kernel's Documentation/networking/tuntap.rst.
    """
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name, _IFF_TUN_WITHOUT_HEADER))
    return device


def bring_up(name: bytes, address: str | None) -> None:
    """Give a device an address, and switch it on.

    Source: man 7 netdevice.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, _MASK)):
            if address is not None and value is not None:
                place = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(control, request, struct.pack("16s16s8x", name, place))
        (flags,) = struct.unpack_from("16xH", fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16s24x", name)))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", name, flags | _IFF_UP))


def main(descriptor: str, address: str) -> None:
    """Hold the namespace."""
    with socket.socket(fileno=int(descriptor)) as owner:
        device = open_device(_DEVICE)
        bring_up(b"lo", None)
        bring_up(_DEVICE, address)
        socket.send_fds(owner, [b"!"], [device])
        os.close(device)
        owner.recv(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
