"""SFTP servers: OpenSSH in three ways, and the ones that people have instead of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from tests.support import run, sftp_server, sshd
from tests.support.field.served import (
    PASSWORD,
    USER,
    Served,
    output,
    program,
    running,
    sftp_variables,
)
from tests.support.ports import free_port


@contextlib.contextmanager
def openssh(
    user: sshd.User, name: str, *, subsystem: str = "internal-sftp", chroot: bool = False
) -> Iterator[Served]:
    """OpenSSH's sshd; "shell" is a user who may run programs."""
    said = output(sshd.program(), "-V")
    with sshd.running_sshd(run.run_folder(), user, subsystem=subsystem, chroot=chroot) as server:
        where = "copies" if chroot else server.home / "copies"
        yield Served(
            name=f"OpenSSH, {name}",
            version=said.split("OpenSSH_")[-1].split()[0].strip(","),
            url=f"sftp://{user.name}@127.0.0.1:{server.port}/{where}",
            port=server.port,
            variables=sftp_variables(server.host_key(), user.password),
            folder=server.home / "copies",
        )


PROFTPD = """\
ModulePath /usr/lib/proftpd
LoadModule mod_sftp.c
ServerName "copies"
ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
User {user}
Group {group}
PidFile {folder}/pid
ScoreboardFile {folder}/scoreboard
DelayTable none
WtmpLog off
UseIPv6 off
UseReverseDNS off
RequireValidShell off
AuthOrder mod_auth_file.c
AuthUserFile {folder}/passwd
AuthGroupFile {folder}/group
SystemLog {folder}/system.log
DefaultRoot ~
SFTPEngine on
SFTPLog {folder}/sftp.log
SFTPHostKey {folder}/host_key
SFTPAuthMethods publickey
SFTPAuthorizedUserKeys file:{folder}/authorized_keys
"""


@contextlib.contextmanager
def removed(folder: Path) -> Iterator[None]:
    """Nothing is left of the folder after the context."""
    try:
        yield
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def proftpd(folder: Path, user: sshd.User) -> Iterator[Served]:
    """ProFTPD's mod_sftp with its defaults: it takes no write at an offset."""
    import grp
    import pwd

    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    account = pwd.getpwnam(user.name)
    group = grp.getgrgid(account.pw_gid).gr_name
    # Not in a folder that only the tests' own user may enter: the account looks itself.
    home = Path(tempfile.mkdtemp(prefix="proftpd-", dir=run.run_folder()))
    os.chown(home, account.pw_uid, account.pw_gid)
    host_key = sshd.new_key(folder / "host_key", "ed25519")
    sshd.new_key(folder / "key", "ed25519")
    public = output("ssh-keygen", "-e", "-m", "RFC4716", "-f", str(folder / "key.pub"))
    (folder / "authorized_keys").write_text(public + "\n")
    ids = f"{account.pw_uid}:{account.pw_gid}"
    (folder / "passwd").write_text(f"{USER}:!:{ids}::{home}:/bin/false\n")
    (folder / "group").write_text(f"{group}:x:{account.pw_gid}:\n")
    for name in ("passwd", "group"):
        (folder / name).chmod(0o600)
    config = folder / "proftpd.conf"
    config.write_text(PROFTPD.format(port=port, folder=folder, user=user.name, group=group))
    command = [program("proftpd"), "--nodaemon", "--config", str(config)]
    with running(folder, "proftpd", command, port=port), removed(home):
        yield Served(
            name="ProFTPD, mod_sftp",
            version=output(command[0], "--version").split()[-1],
            url=f"sftp://{USER}@127.0.0.1:{port}/copies",
            port=port,
            variables={
                "TRUSTBACKUP_SFTP_KEY_FILE": str(folder / "key"),
                "TRUSTBACKUP_SFTP_HOST_KEY": " ".join(host_key.split()[:2]),
            },
            folder=home / "copies",
        )


@contextlib.contextmanager
def rclone(folder: Path, cache: str = "off") -> Iterator[Served]:
    """``rclone serve sftp`` over a folder; ``cache`` is its --vfs-cache-mode."""
    port = free_port()
    store = folder / "store"
    store.mkdir(parents=True)
    host_key = sshd.new_key(folder / "host_key", "ed25519")
    command = [
        *(program("rclone"), "serve", "sftp", str(store), "--addr", f"127.0.0.1:{port}"),
        *("--user", USER, "--pass", PASSWORD, "--key", str(folder / "host_key")),
        *("--vfs-cache-mode", cache, "--cache-dir", str(folder / "cache")),
        *("--config", str(folder / "rclone.conf"), "--vfs-write-back", "1s"),
    ]
    with running(folder, "rclone", command, port=port):
        yield Served(
            name="rclone serve sftp" + ("" if cache == "off" else f", cache mode {cache}"),
            version=rclone_version(),
            url=f"sftp://{USER}@127.0.0.1:{port}/copies",
            port=port,
            variables=sftp_variables(host_key),
            folder=store / "copies",
        )


def rclone_version() -> str:
    return output(program("rclone"), "version").split()[1].removeprefix("v")


@contextlib.contextmanager
def asyncssh(folder: Path) -> Iterator[Served]:
    """asyncssh's own server, with a password by keyboard-interactive alone."""
    port = free_port()
    (folder / "store").mkdir(parents=True)
    host_key = sshd.new_key(folder / "host_key", "ed25519")
    module = "tests.support.field.asyncssh_server"
    command = [
        *(sys.executable, "-m", module, str(port), str(folder / "host_key")),
        *(str(folder / "store"), USER, PASSWORD),
    ]
    with running(folder, "asyncssh", command, port=port):
        yield Served(
            name="asyncssh",
            version=version("asyncssh"),
            url=f"sftp://{USER}@127.0.0.1:{port}/copies",
            port=port,
            variables=sftp_variables(host_key),
            folder=folder / "store" / "copies",
        )


@contextlib.contextmanager
def paramiko(folder: Path) -> Iterator[Served]:
    """paramiko's server, over a folder, in a thread of this process."""
    folder.mkdir(parents=True)
    with sftp_server.running(folder, sftp_server.Habits()) as config:
        yield Served(
            name="paramiko",
            version=version("paramiko"),
            url=f"sftp://{config['user']}@127.0.0.1:{config['port']}/copies",
            port=config["port"],
            variables=sftp_variables(config["host_key"], config["password"]),
            folder=folder / "copies",
        )
