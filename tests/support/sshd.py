"""OpenSSH's own sshd on 127.0.0.1: its keys and files in a temporary folder, no service.

sshd checks passwords of system users only. So, where root runs the tests, a user of a random
name is made for the run and removed at its end; elsewhere only keys are used, as oneself.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519

from tests.support import processes, run
from tests.support.ports import free_port

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
KEY_TYPES = ("ed25519", "ecdsa", "rsa")


@dataclass(frozen=True)
class User:
    """Who signs in; without a password where only root could check one."""

    name: str
    password: str = field(repr=False)


@dataclass(kw_only=True)
class Server:
    """A running sshd; ``home`` is the folder that its sessions may write in."""

    folder: Path
    port: int
    user: User
    process: subprocess.Popen[bytes]
    host: str = "127.0.0.1"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def host_key(self, kind: str = "ed25519") -> str:
        """The public line of the server's key of this type: "type base64"."""
        line = (self.folder / f"host_{kind}.pub").read_text()
        return " ".join(line.split()[:2])

    def fingerprint(self, kind: str = "ed25519") -> str:
        """What ``ssh-keygen -l`` says of the server's key: "SHA256:…"."""
        return fingerprint_of(self.folder / f"host_{kind}.pub")

    def authorize(self, public_line: str) -> None:
        """Let the holder of this key sign in, as well as all others before."""
        with (self.folder / "authorized_keys").open("a") as file:
            file.write(public_line.strip() + "\n")

    def sessions(self) -> list[int]:
        """The process ids of the children that serve somebody."""
        return sorted(processes.descendants(self.process.pid))

    def kill_sessions(self) -> None:
        """Kill whoever serves somebody; the server itself goes on."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Stop the server and all that serve (SIGSTOP): connected, and not a word."""
        stopped = [*self.sessions(), self.process.pid]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        self.kill_sessions()
        self.process.terminate()
        self.process.wait(120)


@contextlib.contextmanager
def running_sshd(
    parent: Path,
    user: User,
    *,
    subsystem: str = "internal-sftp",
    chroot: bool = False,
    host_keys: Sequence[str] = KEY_TYPES,
    **options: str,
) -> Iterator[Server]:
    """A server in a new folder in `parent`, for this user; `options` are sshd_config's own."""
    # Whatever is above a new root must be root's alone: /tmp is not.
    folder = Path(tempfile.mkdtemp(prefix="sshd-", dir="/run" if chroot else parent))
    folder.chmod(0o711)
    home = folder / "home"
    home.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(home, user.name)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd demands it
    for kind in host_keys:
        _new_host_key(folder / f"host_{kind}", kind)
    (folder / "authorized_keys").touch(mode=0o644)
    # A system user has no home: sessions begin in the folder that they may write in.
    command = f"{subsystem} -d {'/home' if chroot else home}"
    settings: dict[str, Any] = {
        "HostKey": [folder / f"host_{kind}" for kind in host_keys],
        "AuthorizedKeysFile": folder / "authorized_keys",
        "AllowUsers": user.name,
        "PasswordAuthentication": "yes",
        "KbdInteractiveAuthentication": "no",
        "UsePAM": "no",
        "StrictModes": "no",
        "PidFile": "none",
        "MaxStartups": "100",
        "PerSourcePenalties": "no",
        "AllowTcpForwarding": "no",
        "Subsystem": f"sftp {command}",
        "ForceCommand": command if subsystem.startswith("internal-sftp") else None,
        "ChrootDirectory": folder if chroot else None,
        **options,
    }
    server = _start(folder, settings, user)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, settings: dict[str, Any], user: User) -> Server:
    (host_key, *_others) = settings["HostKey"]
    if run.once("sshd-lacks-penalties", lambda: _lacks_penalties(folder, host_key)):
        settings.pop("PerSourcePenalties")
    for _attempt in range(3):  # somebody else may take the port in the meantime
        port = free_port()
        where = {"ListenAddress": "127.0.0.1", "Port": port}
        config = folder / "sshd_config"
        config.write_text(_written(where | settings))
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [program(), "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stderr=log
            )
        server = Server(folder=folder, port=port, user=user, process=process)
        if _answers(server):
            return server
    raise RuntimeError(f"sshd does not start: {server.log}")


def _written(settings: dict[str, Any]) -> str:
    lines = []
    for name, value in settings.items():
        values = value if isinstance(value, list) else [value]
        lines += [f"{name} {item}" for item in values if item is not None]
    return "\n".join(lines) + "\n"


def _lacks_penalties(folder: Path, host_key: Path) -> bool:
    """As OpenSSH before 9.8 does."""
    probe = folder / "probe"
    probe.write_text(f"PerSourcePenalties no\nHostKey {host_key}\n")
    return subprocess.run([program(), "-t", "-f", str(probe)], capture_output=True).returncode != 0


def _answers(server: Server) -> bool:
    while server.process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((server.host, server.port), 5):
            return True
        time.sleep(0.01)
    return False


def program() -> str:
    """sshd's absolute path, which it demands itself."""
    found = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError("sshd is not installed: `make test` installs it, or says how.")
    return found


def new_key(path: Path, kind: str, *, passphrase: str = "", pem: bool = False) -> str:
    """Make a key pair with OpenSSH's own ssh-keygen; the public line."""
    form = ["-m", "PEM"] if pem else []
    _run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path), *form])
    return path.with_name(f"{path.name}.pub").read_text()


def _new_host_key(path: Path, kind: str) -> None:
    """Of the server's own; an RSA one is the run's, because its primes take a second to find."""
    if kind != "rsa":
        new_key(path, kind)
        return
    made = run.run_folder() / "host_rsa"
    run.once("host-rsa", lambda: new_key(made, kind))
    for end in ("", ".pub"):
        shutil.copy(f"{made}{end}", f"{path}{end}")


def fingerprint_of(public: Path) -> str:
    return _run(["ssh-keygen", "-l", "-f", str(public)]).split()[1]


def public_of(private: Path) -> str:
    """What ssh-keygen takes for the public half of a key without a passphrase."""
    return " ".join(_run(["ssh-keygen", "-y", "-f", str(private)]).split()[:2])


def x25519_key() -> str:
    """A private key (PKCS#8) of a type that signs nothing."""
    return (
        x25519.X25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


# ---------------------------------------------------------------------------- users


def new_user(shell: str | Path = "/bin/sh") -> User:
    """A user of a random name, when root; else oneself, whose password nobody has."""
    if os.geteuid() != 0:
        return User(getpass.getuser(), "")
    user = User(f"tbtest-{secrets.token_hex(4)}", secrets.token_urlsafe(16))
    _run(["useradd", "--system", "--no-create-home", "--shell", str(shell), user.name])
    _run(["chpasswd"], f"{user.name}:{user.password}\n")
    return user


def remove_user(user: User) -> None:
    """Remove what ``new_user`` made, and whatever still runs as it."""
    if not user.password:
        return
    uid = pwd.getpwnam(user.name).pw_uid
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == uid:
                os.kill(int(folder.name), signal.SIGKILL)
    _run(["userdel", "--force", user.name])


def _run(command: list[str], said: str = "") -> str:
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
