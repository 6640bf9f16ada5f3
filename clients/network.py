"""Which addresses may be called, and connections that go to the address that was checked and to no other.

A provider's address may come from a user (a SimpleFIN setup token is nothing but an address), so it could point into the
server's own network. Checking the name before the call is not enough: it may resolve to something else a moment later (DNS
rebinding). So the name is resolved once, inside the connection, every address is checked, and the socket is opened to a checked
address, while TLS still verifies the certificate against the name.
"""
import ipaddress
import socket
from collections.abc import Callable, Iterable

from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from .errors import ConfigError, TransientError

Resolver = Callable[[str, int], list[str]]

#: Name of the system parameter with the networks that an administrator allows, as the sentences quote it.
ALLOWED_NETWORKS_PARAMETER = 'account_online_sync.allowed_networks'
#: Enough to reach a host with both IP versions; every one costs a connect timeout when it is dead.
MOST_ADDRESSES = 4

# Beside what `ipaddress` knows, which depends on the Python version: IANA's special-purpose registries, and the address at which
# a cloud's own control service answers although it is public by its number (Azure WireServer).
_SPECIAL = tuple(map(ipaddress.ip_network, (
    '168.63.129.16/32', '192.0.0.0/24', '192.88.99.0/24', '100::/64', '2001::/23', '2001:db8::/32', '3fff::/20', '5f00::/16')))
# RFC 6052 and RFC 8215: an IPv4 address in the last four bytes. ::/96 is the deprecated IPv4-compatible form (RFC 4291).
_TRANSLATED = tuple(map(ipaddress.ip_network, ('64:ff9b::/96', '64:ff9b:1::/48', '::/96')))


def system_resolver(host: str, port: int) -> list[str]:
    """Addresses of a host name in the system's order of preference. Raises OSError when there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(info[4][0] for info in found))


def _unwrapped(address):
    """The IPv4 address that an IPv6 one carries (mapped, 6to4, Teredo, NAT64), else the address itself."""
    if address.version == 4:
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if not inner and any(address in network for network in _TRANSLATED) and int(address) > 1:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def is_public(text: str) -> bool:
    """Whether an IP address belongs to the open internet: not private, loopback, link-local, shared (CGNAT), multicast, reserved,
    unspecified, nor a cloud's control service."""
    address = _unwrapped(ipaddress.ip_address(text))
    special = (address.is_private or address.is_loopback or address.is_link_local or address.is_multicast or address.is_reserved
               or address.is_unspecified or getattr(address, 'is_site_local', False) or not address.is_global)
    return not special and not any(address in network for network in _SPECIAL if network.version == address.version)


class AddressGuard:
    """Says which IP addresses may be connected to.

    :param allowed_networks: networks in CIDR notation that an administrator allows although they are not public; also the only
        ones where `http:` without TLS is accepted
    :param resolver: name and port to addresses; tests pass their own
    """

    def __init__(self, allowed_networks: Iterable[str] = (), resolver: Resolver = system_resolver):
        self.resolver = resolver
        self.networks = [self._network(text) for text in allowed_networks if text.strip()]

    @staticmethod
    def _network(text: str):
        try:
            return ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            raise ConfigError(
                f"“{text.strip()[:50]}” is not a network. An administrator can correct the system parameter "
                f"{ALLOWED_NETWORKS_PARAMETER}, for example to 127.0.0.0/8.", field=ALLOWED_NETWORKS_PARAMETER) from None

    def is_allowed(self, text: str) -> bool:
        """Whether an administrator named a network that holds this address."""
        address = ipaddress.ip_address(text)
        forms = {address, _unwrapped(address)}
        return any(form in network for form in forms for network in self.networks if form.version == network.version)

    def addresses(self, host: str, port: int, *, tls: bool) -> list[str]:
        """The checked addresses of a host, in order of preference.

        One bad address spoils them all: an honest bank does not publish a private address beside its public one.
        """
        found = self._resolve(host, port)
        for address in found:
            self._check(host, address, tls)
        return found[:MOST_ADDRESSES]

    def _resolve(self, host: str, port: int) -> list[str]:
        try:
            found = self.resolver(host.strip('[]'), port)
        except (OSError, UnicodeError) as error:
            raise TransientError(
                f"The server {host} was not found. Check its address and the internet connection of this server, then try again.",
                detail=f'name resolution: {type(error).__name__}') from None
        if not found:
            raise TransientError(f"The server {host} has no address at the moment. Try again later.")
        return found

    def _check(self, host: str, address: str, tls: bool) -> None:
        if self.is_allowed(address):
            return
        if not is_public(address):
            raise ConfigError(
                f"The address {host} belongs to a private or local network and is not called. If this is meant, an administrator "
                f"can allow the network in the system parameter {ALLOWED_NETWORKS_PARAMETER}.", field='url',
                detail=f'{host} resolves to {address}')
        if not tls:
            raise ConfigError(f"The address of {host} begins with http: and would be called without encryption. Use one that begins "
                              f"with https:.", field='url')


class _PinnedConnection:
    """Mixed into urllib3's connections (1.26 and 2.x): opens the socket to a checked address.

    `_dns_host` is what urllib3 gives to the socket, `host` what it gives to TLS and to the Host header.
    """

    guard: AddressGuard
    default_scheme = 'http'

    def _new_conn(self):
        name, failure = self._dns_host, None
        try:
            for address in self.guard.addresses(name, self.port, tls=self.default_scheme == 'https'):
                self._dns_host = address
                try:
                    return super()._new_conn()
                except (ConnectTimeoutError, NewConnectionError) as error:
                    failure = error
            raise failure
        finally:
            self._dns_host = name


def _pinned_pool(pool_class, scheme: str, guard: AddressGuard):
    """A pool class whose connections ask `guard` first."""
    connection = type('PinnedConnection', (_PinnedConnection, pool_class.ConnectionCls), {'guard': guard, 'default_scheme': scheme})
    return type(f'Pinned{pool_class.__name__}', (pool_class,), {'ConnectionCls': connection})


class GuardedAdapter(HTTPAdapter):
    """Transport of a session: checked addresses, and a timeout on every call.

    The timeout sits here and not in the call because Odoo's test suite compares a call's timeout with a number.

    :ivar timeout: seconds to connect, seconds between two bytes
    """

    def __init__(self, guard: AddressGuard, timeout: tuple[float, float]):
        self.guard = guard
        self.timeout = timeout
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            'http': _pinned_pool(HTTPConnectionPool, 'http', self.guard),
            'https': _pinned_pool(HTTPSConnectionPool, 'https', self.guard),
        }

    def send(self, request, **kwargs):
        return super().send(request, **{**kwargs, 'timeout': self.timeout})
