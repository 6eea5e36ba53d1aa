"""The address a request comes from. Only a proxy the operator named may speak for somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.1"), ip_network("::1"))


def client_address(
    peer: str | None, forwarded_for: str | None, trusted: Sequence[Network]
) -> str | None:
    """The client's IP address, None where it is not known (a socket file).

    `peer` is who opened the connection. Only where that is a trusted proxy, the last entry of its
    X-Forwarded-For counts, the one the proxy itself added: what stands before it came from outside.
    """
    address = _parse(peer)
    if address is None or not any(
        address.version == network.version and address in network for network in trusted
    ):
        return None if address is None else str(address)
    claimed = _parse((forwarded_for or "").rpartition(",")[2])
    return str(claimed or address)


def _parse(text: str | None) -> Address | None:
    try:
        address = ip_address((text or "").strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
