"""Connecting to an SSH server, making sure that it is the right one, and signing in.

Nothing but what is configured is used: no agent, no key or list of hosts in anybody's home.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence

import paramiko
from django.views.decorators.debug import sensitive_variables

from trustbackup.destinations import network
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.sftp import keys
from trustbackup.destinations.sftp.config import SftpConfig
from trustbackup.destinations.sftp.errors import LOST, sign_in_rejected, translating_errors
from trustbackup.destinations.sftp.host_keys import (
    ChangedHostKey,
    HostKey,
    UnknownHostKey,
    parse_host_key,
)
from trustbackup.destinations.sftp.session import Session
from trustbackup.destinations.sftp.transport import Transport
from trustbackup.destinations.sftp.transport_limits import SendTimeoutSocket
from trustbackup.phrases import gettext as _

# Whatever goes wrong becomes an error of ours; paramiko's tracebacks on top say nothing more.
_LOG = "trustbackup.paramiko"
logging.getLogger(_LOG).setLevel(logging.CRITICAL + 1)

_CIPHERS = (
    "aes128-gcm@openssh.com",  # by far the fastest that paramiko has
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
_HOST_KEY_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
"""Where they are called other than the key's type (RFC 8332)."""
_NEVER = 3600.0
"""Seconds: paramiko's own limits, one for each stage, must not come before ours."""


def fetch_host_key(
    host: str, port: int = 22, *, timeout: float = 30, allowed_hosts: Sequence[str] = ()
) -> HostKey:
    """A server's host key, for a person to confirm; nobody is signed in.

    Takes ``timeout`` seconds at most. Raises DestinationError.
    """
    config = SftpConfig(
        host=host, port=port, user="", timeout=timeout, allowed_hosts=tuple(allowed_hosts)
    )
    with contextlib.closing(Connection(config)) as connection:
        connection.look_up()
        connection.connect()
        return connection.host_key


class Connection:
    """A connection in its stages, in this order: look up, connect, check the key, sign in.

    All of them together take ``config.timeout`` seconds at most. Each raises DestinationError.
    """

    def __init__(self, config: SftpConfig) -> None:
        self.config = config
        self.where = _("%(host)s (port %(port)s)", host=config.host, port=config.port)
        self._endpoints: list[network.Endpoint] = []
        self._end = time.monotonic() + config.timeout
        self._transport: paramiko.Transport | None = None
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        if self._session is None:
            raise DestinationError(_("%(where)s was not signed in to", where=self.where))
        return self._session

    @property
    def transport(self) -> paramiko.Transport:
        if self._transport is None:
            raise DestinationError(_("%(where)s was not connected to", where=self.where))
        return self._transport

    @property
    def is_alive(self) -> bool:
        return self._session is not None and self.transport.is_active()

    @property
    def host_key(self) -> HostKey:
        key = self.transport.get_remote_server_key()
        return HostKey(key.get_name(), key.asbytes())

    def open(self) -> Session:
        """All stages; what was begun is closed again when one fails."""
        try:
            self.look_up()
            self.connect()
            self.check_host_key()
            self.sign_in()
        except BaseException:
            self.close()
            raise
        return self.session

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport.sock.close()
            # Its timer would keep the whole process alive when the handshake has failed.
            self._transport.packetizer.complete_handshake()
            self._transport = self._session = None

    def abort(self) -> None:
        """Cut it, from another thread: whoever waits for it gets an error."""
        if (transport := self._transport) is not None:
            transport.close()

    # -------------------------------------------------------------------------- stages

    def look_up(self) -> None:
        config = self.config
        self._endpoints = network.endpoints(
            config.host, config.port, timeout=self._left(), allowed_hosts=config.allowed_hosts
        )

    def connect(self) -> None:
        """TCP, and SSH's key exchange, in which the server proves that it has its host key."""
        wanted: tuple[str, ...] = ()
        if self.config.host_key:
            kind = parse_host_key(self.config.host_key).type
            wanted = _HOST_KEY_ALGORITHMS.get(kind, (kind,))
        try:
            self._exchange_keys(wanted)
        except paramiko.IncompatiblePeer:
            # It may have a key of another type now. check_host_key() then says so.
            self.close()
            self._exchange_keys_of_any_type()

    def check_host_key(self) -> None:
        """Raises UnknownHostKey, ChangedHostKey: nothing secret has been sent yet."""
        found = self.host_key
        if not self.config.host_key:
            raise UnknownHostKey(self.where, found.fingerprint, found.line)
        pinned = parse_host_key(self.config.host_key)
        if found != pinned:
            raise ChangedHostKey(self.where, pinned.fingerprint, found.fingerprint, found.line)

    @sensitive_variables()
    def sign_in(self) -> None:
        """Prove who we are, and begin an SFTP session."""
        config, transport = self.config, self.transport
        self.check_host_key()  # again: this is the line that no secret may cross unchecked
        user = config.user or _("Nobody")
        who = _("%(user)s was not signed in to %(where)s", user=user, where=self.where)
        if not config.user:
            raise DestinationError(
                who, why=_("the user is blank"), todo=_("Enter the user's name."), permanent=True
            )
        if not (config.private_key or config.password):
            raise DestinationError(
                who,
                why=_("there is neither a private key nor a password"),
                todo=_("Enter one of them."),
                permanent=True,
            )
        with translating_errors(who, config.timeout), self._deadline():
            try:
                if config.private_key:
                    key = keys.sign_in_key(config.private_key, config.passphrase)
                    missing = transport.auth_publickey(config.user, key)
                else:
                    missing = transport.auth_password(config.user, config.password)
            except paramiko.AuthenticationException as error:
                if not transport.is_active():
                    raise
                raise sign_in_rejected(who, config, error) from error
        if missing:
            raise DestinationError(
                who,
                why=_("the server asks for more (%(methods)s)", methods=", ".join(missing)),
                todo=_("Let this user sign in with one proof only, or use another user."),
                permanent=True,
            )
        self._begin_session()

    # ------------------------------------------------------------------------- details

    def _exchange_keys_of_any_type(self) -> None:
        try:
            self._exchange_keys(())
        except paramiko.IncompatiblePeer as error:
            raise DestinationError(
                _("%(where)s can't be talked to", where=self.where),
                why=_("it knows only methods of encryption that are not used any more"),
                todo=_("Update the server."),
                permanent=True,
            ) from error

    def _exchange_keys(self, key_types: tuple[str, ...]) -> None:
        config = self.config
        raw = network.connect(config.host, config.port, self._endpoints, timeout=self._left())
        connection = SendTimeoutSocket.adopt(raw, config.timeout)
        try:
            self._transport = transport = Transport(connection)
        except BaseException:
            connection.close()
            raise
        transport.set_log_channel(_LOG)
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = _NEVER
        options = transport.get_security_options()
        options.ciphers = _CIPHERS
        if set(key_types) <= set(options.key_types) and key_types:
            options.key_types = key_types
        what = _("%(where)s does not answer as an SSH server", where=self.where)
        incompatible: paramiko.IncompatiblePeer | None = None
        with translating_errors(what, config.timeout), self._deadline():
            try:
                transport.start_client()
            except paramiko.IncompatiblePeer as error:
                incompatible = error
            except paramiko.SSHException as error:
                if "banner" not in str(error):
                    raise
                raise DestinationError(
                    what,
                    why=_("it closed the connection, or speaks something else"),
                    todo=_("Check the port; if it is right, the server may be overloaded."),
                ) from error
        if incompatible:
            raise incompatible

    def _begin_session(self) -> None:
        user = self.config.user
        what = _("%(where)s does not offer SFTP to %(user)s", where=self.where, user=user)
        with translating_errors(what, self.config.timeout), self._deadline():
            self.transport.sock.signed_in()
            try:
                self._session = Session.begin(self.transport, self.config.timeout)
            except (*LOST, paramiko.SFTPError) as error:
                if not self.transport.is_active() or isinstance(error, TimeoutError):
                    raise
                raise DestinationError(
                    what,
                    why=_("the sign-in worked, the SFTP session did not begin"),
                    todo=_(
                        "Allow SFTP for this user on the server (Subsystem sftp), and let its "
                        "login scripts print nothing."
                    ),
                    permanent=True,
                ) from error

    def _left(self) -> float:
        """The seconds that are left for connecting."""
        return max(0.01, self._end - time.monotonic())

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        """Close the connection when the time is up, whatever paramiko waits for."""
        passed = threading.Event()
        transport = self.transport

        def close() -> None:
            passed.set()
            transport.close()

        timer = threading.Timer(self._left(), close)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if passed.is_set():
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()
            timer.join()
