"""Which servers may be asked: those on the list, at addresses of the public internet, under no disguise."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence

from yarl import URL

from callwright.errors import UsageError
from callwright.toolbox.refused import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A host's name -> its addresses, as text."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
"""The only part of IPv6 that is routed on the public internet."""
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 ::1/128 fc00::/7".split(),
    )
)
"""What `allow_private` opens. Link-local addresses are not among them: clouds keep credentials there."""
# IETF's own, the anycast of 6to4, documentation, and where Azure, Alibaba and AWS serve credentials on addresses
# that look public or merely private.
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        "192.0.0.0/24 192.88.99.0/24 3fff::/20 168.63.129.16/32 100.100.100.200/32 fd00:ec2::/32".split(),
    )
)
_NO_HOST = re.compile(r"[/\\@?#*%\s]")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_public(address: Address) -> bool:
    """Whether an address is a single machine's on the public internet, seen through IPv6's forms of IPv4."""
    inner = _inner(address)
    if inner.is_multicast or inner.is_reserved or not inner.is_global or _in(inner, _NEVER):
        return False
    return isinstance(inner, ipaddress.IPv4Address) or inner in _UNICAST


def is_private(address: Address) -> bool:
    """Whether an address is this machine's own or of a private network."""
    inner = _inner(address)
    return _in(inner, _PRIVATE) and not _in(inner, _NEVER)


def _inner(address: Address) -> Address:
    """The IPv4 address that a mapped, NAT64 or 6to4 address leads to; any other as it is."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _in(address: Address, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address in network for network in networks)


async def lookup(host: str) -> Sequence[str]:
    """The addresses that the machine's own resolver finds.

    Raises:
        OSError: It finds none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host} is no host's name: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard:
    """The allow-list, and the rule that a name on it does not lead inside."""

    def __init__(
        self, hosts: Collection[str], *, allow_private: bool = False, resolve: Resolve = lookup
    ) -> None:
        """
        Raises:
            UsageError: An entry of the list is no `host` or `host:port`.
        """
        self._hosts = frozenset(map(_entry, [hosts] if isinstance(hosts, str) else hosts))
        self._allow_private = allow_private
        self._resolve = resolve

    def check(self, url: URL) -> None:
        """Hold an address against the list, before anything is asked of any network.

        Raises:
            Refused: `invalid_url`, `blocked_address` or `host_not_allowed`.
        """
        try:
            port, name = url.port, url.raw_host
        except ValueError:
            raise Refused(403, "invalid_url", "the server has no valid address") from None
        if url.scheme not in _DEFAULT_PORTS or not name or not port:
            raise Refused(403, "invalid_url", f"{_shown(url)} is no http or https address of a server")
        if url.raw_user is not None or url.raw_password is not None:
            raise Refused(403, "invalid_url", f"the address of {_shown(url)} holds credentials")
        host = _plain(name)
        address = _literal(host)
        listed = {(host, port)} | ({(host, None)} if port == _DEFAULT_PORTS[url.scheme] else set())
        if self._hosts & listed:
            if address:
                self._check_address(host, address)
            return
        inside = not is_public(address) if address else host.split(".")[-1] == "localhost"
        if inside:
            raise Refused(403, "blocked_address", f"{_shown(url)} is not on the public internet")
        entry = _with_port(host, None if port == _DEFAULT_PORTS[url.scheme] else port)
        raise Refused(
            403,
            "host_not_allowed",
            f"{entry} may not be asked; to allow it, add it to the recipe (hosts: [{entry}])",
        )

    async def addresses(self, host: str) -> list[Address]:
        """Where to connect to for a host that was checked; the one look-up whose answer is also the one used.

        Raises:
            Refused: `blocked_address`: one of the addresses is not one to connect to.
            OSError: The name has no address.
        """
        found = [ipaddress.ip_address(text) for text in await self._resolve(host)]
        for address in found:
            self._check_address(_plain(host), address)
        if not found:
            raise OSError(f"{host} has no address")
        return found

    def _check_address(self, host: str, address: Address) -> None:
        if is_public(address) or (self._allow_private and is_private(address)):
            return
        hint = "; allow_private in the recipe opens it" if is_private(address) else ""
        raise Refused(
            403, "blocked_address", f"{host} leads to {address}, which is not on the public internet{hint}"
        )


def _entry(text: str) -> tuple[str, int | None]:
    """A host of the list, with its port where it names one."""
    try:
        url = URL(f"http://{text}")
        host, port = _plain(url.raw_host or ""), url.explicit_port
        _literal(host)
    except (ValueError, Refused):
        host, port = "", None
    if not host or _NO_HOST.search(text):
        raise UsageError(f"hosts: {text!r} is no host; write api.example.com, or api.example.com:8443")
    return host, port


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _literal(host: str) -> Address | None:
    """The host as an address; None for a name.

    Raises:
        Refused: It is an address in one of the spellings that only C libraries know, such as 0x7f.1.
    """
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        if _NUMBER.fullmatch(host.split(".")[-1]) or ":" in host:
            raise Refused(
                403, "blocked_address", f"{host} is an address in disguise; write it as four decimal numbers"
            ) from None
        return None


def _with_port(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _shown(url: URL) -> str:
    """An address without what may be secret in it: user, path and query."""
    return f"{url.scheme}://{_with_port(url.raw_host or '', url.explicit_port)}"
