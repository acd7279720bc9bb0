"""Every server of the full round, by a short name, as a context that starts and ends it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

from tests.support import run, sshd
from tests.support.field import sftp_servers, stores
from tests.support.field.served import Served

Start = Callable[[Path], AbstractContextManager[Served]]


def _user() -> sshd.User:
    return sshd.User(**run.once("sshd-user", lambda: asdict(sshd.new_user())))


SFTP: dict[str, Start] = {
    "openssh-internal": lambda _folder: sftp_servers.openssh(_user(), "internal-sftp"),
    "openssh-chroot": lambda _folder: sftp_servers.openssh(_user(), "chroot", chroot=True),
    "openssh-shell": lambda _folder: sftp_servers.openssh(
        _user(), "a user with a shell", subsystem=sshd.SFTP_SERVER
    ),
    "proftpd": lambda folder: sftp_servers.proftpd(folder, _user()),
    "rclone": sftp_servers.rclone,
    "rclone-cache": lambda folder: sftp_servers.rclone(folder, "writes"),
    "seaweedfs": stores.seaweed_sftp,
    "asyncssh": sftp_servers.asyncssh,
    "paramiko": sftp_servers.paramiko,
}
S3: dict[str, Start] = {
    "moto-s3": stores.moto,
    "rclone-s3": stores.rclone_s3,
    "seaweedfs-s3": stores.seaweed_s3,
    "swift-s3": stores.swift_s3,
}
STORAGES: dict[str, Start] = {"azurite": stores.azurite}
ALL: dict[str, Start] = {**SFTP, **S3, **STORAGES}
