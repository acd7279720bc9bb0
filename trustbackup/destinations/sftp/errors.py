"""What SSH and SFTP say when something is wrong, as one sentence each."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

import paramiko

from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.sftp.config import SftpConfig
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _

NO_SUCH_FILE = 2
PERMISSION_DENIED = 3
FAILURE = 4
UNSUPPORTED = 8


class Status(Exception):
    """A server's refusal: one of the codes of SSH_FXP_STATUS, and its own words."""

    def __init__(self, code: int, said: str) -> None:
        self.code = code
        self.said = said
        super().__init__(f"{said} ({code})")


LOST = (OSError, EOFError, paramiko.SSHException)
"""What is raised when the connection itself is gone, or silent."""
GARBAGE = (paramiko.SFTPError, ValueError, IndexError, struct.error, UnicodeError)
"""What is raised when the other side does not speak the protocol."""


@contextlib.contextmanager
def translating_errors(what: str, timeout: float) -> Iterator[None]:
    """Turn whatever goes wrong with the connection into a DestinationError."""
    try:
        yield
    except TrustbackupError:
        raise
    except Status as status:
        raise refusal(what, status) from status
    except TimeoutError as error:
        raise DestinationError(
            what,
            why=_("the server has been silent for %(timeout)g seconds", timeout=timeout),
            todo=_("Check the server and the network, then try again."),
        ) from error
    except LOST as error:
        raise DestinationError(
            what,
            why=_("the connection was lost"),
            todo=_("Check the server and the network, then try again: what has arrived is kept."),
        ) from error
    except GARBAGE as error:
        raise DestinationError(
            what,
            why=_("the server's answer makes no sense"),
            todo=_("Check that it is an SFTP server, and its log."),
        ) from error


def refusal(what: str, status: Status) -> DestinationError:
    """The sentence for a status that no caller knows more about."""
    if status.code == PERMISSION_DENIED:
        why = _("the server does not permit it (permission denied)")
        todo = _("Give the user the right to write in that folder, or choose another one.")
    elif status.code == NO_SUCH_FILE:
        why = _("the server has no such file or folder")
        todo = _("Check the folder, then try again.")
    else:
        said = " ".join(status.said.split())[:200] or "failure"
        why = _("the server says %(said)r", said=said)
        todo = _("Look into the server's log, and at its disk.")
    return DestinationError(what, why=why, todo=todo, permanent=status.code == PERMISSION_DENIED)


def sign_in_rejected(
    who: str, config: SftpConfig, error: paramiko.AuthenticationException
) -> DestinationError:
    """What a refused sign-in comes from; ``who`` begins the sentence."""
    asked = getattr(error, "allowed_types", [])
    if asked and not (
        config.password and "keyboard-interactive" in asked and not config.private_key
    ):
        taken = ", ".join(error.allowed_types) or _("nothing")
        why = _("the server does not take a password, it takes %(taken)s", taken=taken)
        if config.private_key:
            why = _("the server does not take a private key, it takes %(taken)s", taken=taken)
        todo = _("Use what it takes.")
    elif config.private_key:
        why = _("the server does not know the private key")
        todo = _("Add its public line to the user's authorized_keys there, and check the name.")
    else:
        why = _("the user's name or the password is wrong")
        todo = _("Correct them.")
    return DestinationError(who, why=why, todo=todo, permanent=True)
