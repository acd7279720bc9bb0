"""Connections to destinations: to public, private and loopback addresses, to no other.

A name is looked up once and the connection goes to an address that was checked, so that a
second answer of the name server can't lead elsewhere. Addresses that only this machine's own
surroundings have are refused: behind them clouds hand out credentials.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from trustbackup.destinations.base import DestinationError
from trustbackup.phrases import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local, RFC 3927; the metadata service of most clouds
        "fe80::/10",  # link-local, RFC 4291
        "fd00:ec2::/32",  # metadata: Amazon
        "fd20:ce::/32",  # metadata: Google
        "100.100.100.200/32",  # metadata: Alibaba
        "168.63.129.16/32",  # metadata: Azure
        "192.0.0.192/32",  # metadata: Oracle
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are IPv4


class Endpoint(NamedTuple):
    """An address that may be connected to, as the ``socket`` module wants it."""

    family: int
    sockaddr: tuple[Any, ...]


def endpoints(
    host: str, port: int, *, timeout: float, allowed_hosts: Sequence[str] = ()
) -> list[Endpoint]:
    """All addresses of a host that may be connected to, in the resolver's order.

    ``allowed_hosts``, if there are any, narrow what is allowed: names, ".example.com" for a
    whole domain, addresses, or networks such as "10.0.0.0/8". Takes ``timeout`` seconds at
    most. Raises DestinationError.
    """
    _check(host, port)
    found = [Endpoint(item[0], item[4]) for item in _look_up(host, port, timeout)]
    for item in found:
        must_be_allowed(host, str(item.sockaddr[0]), allowed_hosts)
    return found


def connect(host: str, port: int, found: Sequence[Endpoint], *, timeout: float) -> socket.socket:
    """A TCP connection to the first of these that takes it, within ``timeout`` seconds.

    ``found`` is what ``endpoints(host, port)`` gave. Raises DestinationError.
    """
    end = time.monotonic() + timeout
    problem: OSError | None = None
    for item in found:
        left = end - time.monotonic()
        if left <= 0:
            problem = problem or TimeoutError()
            break
        connection = socket.socket(item.family, socket.SOCK_STREAM)
        try:
            connection.settimeout(left)
            connection.connect(item.sockaddr)
        except OSError as error:
            connection.close()
            problem = error
        except BaseException:
            connection.close()
            raise
        else:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
    raise _not_reached(host, port, timeout, problem) from problem


def must_be_allowed(host: str, address: str, allowed_hosts: Sequence[str] = ()) -> None:
    """Raises DestinationError unless ``host``, which is at ``address``, may be connected to."""
    number = _plain(ipaddress.ip_address(address.partition("%")[0]))
    if any(number in network for network in _REFUSED):
        raise DestinationError(
            _("%(host)s was not connected to", host=host),
            why=_(
                "its address %(number)s is link-local or a cloud's metadata service", number=number
            ),
            todo=_("Give the address of the server that keeps the copies."),
            permanent=True,
        )
    if allowed_hosts and not any(_allows(entry, host, number) for entry in allowed_hosts):
        raise DestinationError(
            _("%(host)s (%(number)s) was not connected to", host=host, number=number),
            why=_("it is none of the hosts that this site allows"),
            todo=_('Add it to TRUSTBACKUP["DESTINATION_HOSTS"], or choose another host.'),
            permanent=True,
        )


def _allows(entry: str, host: str, number: Address) -> bool:
    entry, host = entry.strip().lower().rstrip("."), host.lower().rstrip(".")
    if entry == host or (entry.startswith(".") and f".{host}".endswith(entry)):
        return True
    try:
        return number in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _plain(number: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(number, ipaddress.IPv6Address):
        if number in _NAT64:
            return ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
        return number.ipv4_mapped or number.sixtofour or number
    return number


def _check(host: str, port: int) -> None:
    if not host.strip():
        raise DestinationError(
            _("There is nothing to connect to"),
            why=_("the host is blank"),
            todo=_("Give the server's name or address."),
            permanent=True,
        )
    if not 1 <= port <= 65535:
        raise DestinationError(
            _("%(host)s can't be reached at port %(port)s", host=host, port=port),
            why=_("ports go from 1 to 65535"),
            todo=_("Correct the port."),
            permanent=True,
        )


def _look_up(host: str, port: int, timeout: float) -> list[Any]:
    """Ask the resolver, whose own patience no program can limit, in a thread."""
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:  # ValueError: no name at all, "a..b", "\0"
            answer.append(error)

    thread = threading.Thread(target=ask, name="trustbackup-resolver", daemon=True)
    thread.start()
    thread.join(timeout)
    if not answer:
        raise DestinationError(
            _("The address of %(host)s was not found", host=host),
            why=_("the name server did not answer within %(timeout)g seconds", timeout=timeout),
            todo=_("Check this machine's network, then try again."),
        )
    if isinstance(answer[0], Exception):
        again = isinstance(answer[0], OSError) and answer[0].errno == socket.EAI_AGAIN
        raise DestinationError(
            _("The address of %(host)r was not found", host=host),
            why=_("the name server does not answer") if again else _("there is no such name"),
            todo=_("Check the host's spelling and this machine's network, then try again."),
            # A name server that is out of order says so, or says what it said before.
            permanent=isinstance(answer[0], ValueError),
        ) from answer[0]
    return list(answer[0])


def _not_reached(host: str, port: int, timeout: float, problem: OSError | None) -> DestinationError:
    what = _("%(host)s was not reached at port %(port)s", host=host, port=port)
    if isinstance(problem, ConnectionRefusedError):
        return DestinationError(
            what,
            why=_("nothing listens there (connection refused)"),
            todo=_("Check that the server runs, its port, and the firewall between."),
        )
    if isinstance(problem, TimeoutError):
        return DestinationError(
            what,
            why=_("there was no answer within %(timeout)g seconds", timeout=timeout),
            todo=_("Check the host, the port, and the firewall between."),
        )
    return DestinationError(
        what,
        why=(problem.strerror if problem else None) or _("no address answered"),
        todo=_("Check the host and this machine's network, then try again."),
    )
