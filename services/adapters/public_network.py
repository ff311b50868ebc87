"""Connections to the internet alone: not to this machine, nor to others of the network that it stands in."""

import socket
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore2

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host, for a port. Raises OSError."""

_NAT64 = IPv6Network("64:ff9b::/96")
_LAST_32_BITS = 0xFFFF_FFFF


def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a host, those of the other family too."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(text: str) -> bool:
    """Whether an address is one of the internet, whatever IPv4 address it wraps."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(each.is_global and not each.is_multicast for each in _unwrapped(address))


def _unwrapped(address: Address) -> list[Address]:
    """The address, or those that a packet to it would come to in the end."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [IPv4Address(int(address) & _LAST_32_BITS)]
    if address.sixtofour is not None:
        return [address, address.sixtofour]
    return [address, *(address.teredo or ())]


class PublicNetwork(httpcore2.NetworkBackend):
    """Connects to the very address that was looked at, so that a name cannot lead elsewhere in between."""

    def __init__(self, *, backend: httpcore2.NetworkBackend | None = None, look_up: Resolve = resolve) -> None:
        self._backend = backend or httpcore2.SyncBackend()
        self._look_up = look_up

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first address that answers. Raises ConnectError where one of them is not public."""
        try:
            addresses = self._look_up(host, port)
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("the host has no address") from None
        if not all(is_public(address) for address in addresses):
            raise httpcore2.ConnectError("the host's address is a private one; see BATON_WEBHOOK_ALLOW_PRIVATE")
        failed: httpcore2.NetworkError | httpcore2.TimeoutException | None = None
        for address in addresses:
            try:
                return self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore2.ConnectError("the host has no address")
