"""Which addresses anybody can reach, and which only this machine or its neighbours can."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_TRANSLATED = ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Tell whether an address is one that anybody can reach: no network of one's own, no machine itself, no group.

    Examples:
        >>> is_public("93.184.216.34"), is_public("169.254.169.254"), is_public("::ffff:127.0.0.1")
        (True, False, False)
    """
    ip = plain(address)
    is_special = ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local
    is_local = isinstance(ip, IPv6Address) and ip.is_site_local
    return ip.is_global and not is_special and not is_local


def plain(address: str) -> IPv4Address | IPv6Address:
    """Return an address, and of one of IPv6 that stands for one of IPv4 the latter."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _TRANSLATED:
        return IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour or ip
