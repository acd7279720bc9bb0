"""Copies at an SFTP server.

    config.py         its configuration             host_keys.py      whom servers are known by
    connection.py     connect, host key, sign in    keys.py           private keys
    remote_folder.py  the folder there              session.py        large files over SFTP
    upload.py         one file's way there          reader.py         and back
    probe.py          the connection test           errors.py         one sentence a failure
    wire.py           packets                       digest.py         a file, hashed there
    transport.py      signing in                    transport_limits.py  sockets and buffers

config.py and host_keys.py load nothing; the others load paramiko.
"""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from trustbackup.destinations.base import Capabilities
from trustbackup.destinations.kind import DestinationKind
from trustbackup.destinations.sftp.config import SFTP_VARIABLES, SftpConfig, from_url

KIND = DestinationKind(
    name="sftp",
    label=pgettext_lazy("a kind of destination", "SFTP"),
    configuration=SftpConfig,
    backend="trustbackup.destinations.sftp.backend.Sftp",
    scheme="sftp",
    from_url=from_url,
    secrets=("password", "private_key", "passphrase"),
    private_keys=("private_key",),
    password_variable=SFTP_VARIABLES["password"],
    variables=SFTP_VARIABLES,
    user_in_url=True,
    capabilities=Capabilities(resumes=True, knows_space=True),
    form="trustbackup.destinations.sftp.form.SftpForm",
)
