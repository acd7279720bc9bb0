"""Copies to a real sshd and a real S3 server, beside OpenSSH's sftp and the AWS command."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import BenchmarkError, Sample, interleave, median, run, say
from benchmarks.report import Section, Target
from benchmarks.site import Site
from tests.support import servers, swift
from tests.support.buckets import new_bucket
from tests.support.sshd import new_key, new_user, remove_user, running_sshd

SIZE = 300_000_000
NAME = "backup_2026-01-01_00-00-00.dump.gz"
AWSCLI = "awscli>=1.40"


@dataclass
class File:
    """What is copied: random bytes, which nothing on the way can compress."""

    path: Path
    sha256: str


def measure(folder: Path, rounds: int, scale: float) -> list[Section]:
    folder.mkdir()
    site = Site(folder / "site", f"sqlite:///{folder / 'db.sqlite3'}")
    file = make_file(folder, SIZE, scale)
    large = make_file(folder / "large", 10 * SIZE, scale)
    return [
        measure_sftp(site, folder, file, large, rounds),
        measure_s3(site, folder, file, large, rounds),
    ]


def make_file(folder: Path, size: int, scale: float) -> File:
    folder.mkdir(exist_ok=True)
    digest = hashlib.sha256()
    with (folder / NAME).open("wb") as target:
        for _ in range(max(1, round(size * scale) >> 20)):
            block = os.urandom(1 << 20)
            digest.update(block)
            target.write(block)
    return File(folder / NAME, digest.hexdigest())


def put(
    site: Site, kind: str, config: Path, file: File, times: list[float], *, whole: bool = False
) -> Sample:
    """Our copy, as a worker makes it that is up; with ``whole`` the process from its start.

    Seconds go to ``times``: until the last byte was sent, with ``whole`` those of the copy alone.
    """
    out = site.folder / "put.json"
    argv = [sys.executable, "-m", "benchmarks.put", kind, str(config), str(file.path), file.sha256]
    sample = run(argv, site.environment, out)
    found = json.loads(out.read_text())
    times.append(found["seconds" if whole else "sent"])
    seconds = sample.seconds if whole else found["seconds"]
    return Sample(seconds=seconds, cpu=sample.cpu, memory=sample.memory)


def measure_sftp(site: Site, folder: Path, file: File, large: File, rounds: int) -> Section:
    user = new_user()
    sent: list[float] = []
    try:
        with running_sshd(folder, user) as server:
            key = folder / "key"
            server.authorize(new_key(key, "ed25519"))
            known = folder / "known_hosts"
            known.write_text(f"[127.0.0.1]:{server.port} {server.host_key()}\n")
            config = folder / "sftp.json"
            options = {
                "host": server.host,
                "port": server.port,
                "user": user.name,
                "host_key": server.host_key(),
            }
            secrets = {"private_key": key.read_text()}
            config.write_text(json.dumps({"options": options, "secrets": secrets}))

            def command(*lines: str) -> Callable[[], Sample]:
                batch = folder / f"batch-{len(lines)}"
                batch.write_text("\n".join(lines) + "\n")
                argv = ["sftp", "-q", "-P", str(server.port), "-i", str(key), "-o",
                        f"UserKnownHostsFile={known}", "-o", "IdentitiesOnly=yes",
                        "-b", str(batch), f"{user.name}@127.0.0.1"]  # fmt: skip
                return lambda: run(argv, site.environment)

            there, back = "peer.dump.gz", folder / "back"
            samples = interleave(
                {
                    "sftp put": command(f"put {file.path} {there}"),
                    "sftp put, then get": command(
                        f"put {file.path} {there}", f"get {there} {back}", f"rm {there}"
                    ),
                    "trustbackup, read back": lambda: put(site, "sftp", config, file, sent),
                },
                rounds,
            )
            alone = [Sample(seconds=seconds) for seconds in sent]
            samples["trustbackup, until it is sent"] = alone
            say("    once with ten times as much")
            samples["trustbackup, 10 x"] = [put(site, "sftp", config, large, [])]
    finally:
        remove_user(user)
    section = table("SFTP", samples, file, large)
    speed = median(samples["sftp put"]) / median(alone)
    whole = median(samples["sftp put, then get"]) / median(samples["trustbackup, read back"])
    section.targets = [
        Target(what="SFTP: sent, beside sftp put", value=speed, limit=0.9, at_least=True),
        Target(what="SFTP: read back, beside put and get", value=whole, limit=0.9, at_least=True),
        memory_target("SFTP", samples),
    ]
    return section


def measure_s3(site: Site, folder: Path, file: File, large: File, rounds: int) -> Section:
    program = aws_command()
    parent = folder / "swift"
    parent.mkdir()
    values = swift.start(parent)
    if missing := values.get("missing"):
        raise BenchmarkError(f"The S3 server can't be started: {missing}.")
    try:
        server = swift.as_server(values)
        bucket = new_bucket(server)
        config = folder / "s3.json"
        options = {
            "bucket": bucket.name,
            "endpoint": server.endpoint,
            "region": server.region,
            "access_key": server.access_key,
        }
        secrets = {"secret_key": server.secret_key}
        config.write_text(json.dumps({"options": options, "secrets": secrets}))
        environment = {
            **site.environment,
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_DEFAULT_REGION": server.region,
        }
        argv = [program, "s3", "cp", "--quiet", "--endpoint-url", server.endpoint,
                str(file.path), f"s3://{bucket.name}/peer.dump.gz"]  # fmt: skip
        alone: list[float] = []
        samples = interleave(
            {
                "aws s3 cp": lambda: run(argv, environment),
                "trustbackup, whole process": lambda: put(
                    site, "s3", config, file, alone, whole=True
                ),
            },
            rounds,
        )
        samples["trustbackup, the copy"] = [Sample(seconds=seconds) for seconds in alone]
        say("    once with ten times as much")
        samples["trustbackup, 10 x"] = [put(site, "s3", config, large, [], whole=True)]
    finally:
        servers.stop_all(parent)
    section = table("S3 (OpenStack Swift)", samples, file, large)
    peer = median(samples["aws s3 cp"])
    speed = peer / median(samples["trustbackup, the copy"])
    whole = peer / median(samples["trustbackup, whole process"])
    section.targets = [
        Target(what="S3: whole process, beside aws s3 cp", value=whole, limit=0.9, at_least=True),
        Target(what="S3: the copy, beside aws s3 cp", value=speed, limit=0.9, at_least=True),
        memory_target("S3", samples),
    ]
    return section


def table(title: str, samples: dict[str, list[Sample]], file: File, large: File) -> Section:
    size = file.path.stat().st_size
    section = Section(
        title=f"Copies: {title}, {size / 1e6:.0f} MB",
        header=["", "seconds (min to max)", "MB/s", "memory, MB"],
        samples=samples,
    )
    for name, runs in samples.items():
        count = large.path.stat().st_size if name.endswith("10 x") else size
        every = [sample.seconds for sample in runs]
        memory = max(sample.memory for sample in runs)
        section.rows.append(
            [
                name,
                f"{median(runs):.2f} ({min(every):.2f} to {max(every):.2f})",
                f"{count / median(runs) / 1e6:.0f}",
                f"{memory / 1e6:.0f}" if memory else "-",
            ]
        )
    return section


def memory_target(what: str, samples: dict[str, list[Sample]]) -> Target:
    ours = [run.memory for name, runs in samples.items() for run in runs if "trust" in name]
    return Target(what=f"{what}: peak memory", value=max(ours) / 1e6, limit=120, unit="MB")


def aws_command() -> str:
    """The AWS command, installed once for this user. Raises BenchmarkError."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "trustbackup-bench" / "awscli"
    program = folder / "bin/aws"
    if not program.exists():
        say("Installing the AWS command")
        environment = {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(folder / "bin/pip"), "install", "-q", AWSCLI],
        ):
            done = subprocess.run(command, env=environment, check=False)
            if done.returncode:
                raise BenchmarkError("The AWS command can't be installed from PyPI.")
    return str(program)
