"""Copies to a real sshd and a real S3 server, beside OpenSSH's sftp and the AWS command."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.measure import BenchmarkError, Sample, interleave, median, run, say
from benchmarks.report import Section, Target
from benchmarks.site import Site
from tests.support import servers, swift
from tests.support.buckets import new_bucket
from tests.support.sshd import SFTP_SERVER, Server, new_key, new_user, remove_user, running_sshd

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


def put(site: Site, kind: str, config: Path, file: File) -> tuple[Sample, dict[str, float]]:
    """Our copy: the process from its start, and the seconds that benchmarks.put tells of."""
    out = site.folder / "put.json"
    argv = [sys.executable, "-m", "benchmarks.put", kind, str(config), str(file.path)]
    sample = run([*argv, file.sha256], site.environment, out)
    run([*argv, "remove"], site.environment)
    return sample, json.loads(out.read_text())


def measure_sftp(site: Site, folder: Path, file: File, large: File, rounds: int) -> Section:
    user = new_user()
    key = folder / "key"
    line = new_key(key, "ed25519")
    known = folder / "known_hosts"
    sent: list[Sample] = []

    def signed_in(server: Server) -> Path:
        """How we sign in there; OpenSSH's sftp may, too."""
        server.authorize(line)
        with known.open("a") as hosts:
            hosts.write(f"[127.0.0.1]:{server.port} {server.host_key()}\n")
        options = {
            "host": server.host,
            "port": server.port,
            "user": user.name,
            "host_key": server.host_key(),
        }
        config = folder / f"sftp-{server.port}.json"
        secrets = {"private_key": key.read_text()}
        config.write_text(json.dumps({"options": options, "secrets": secrets}))
        return config

    def command(server: Server, *lines: str) -> Callable[[], Sample]:
        batch = folder / f"batch-{len(lines)}"
        batch.write_text("\n".join(lines) + "\n")
        argv = ["sftp", "-q", "-P", str(server.port), "-i", str(key), "-o",
                f"UserKnownHostsFile={known}", "-o", "IdentitiesOnly=yes",
                "-b", str(batch), f"{user.name}@127.0.0.1"]  # fmt: skip
        return lambda: run(argv, site.environment)

    def ours(config: Path, file: File, until_sent: list[Sample]) -> Sample:
        """As a worker makes a copy that is up and has to connect, as OpenSSH's sftp has to."""
        process, found = put(site, "sftp", config, file)
        until_sent.append(Sample(seconds=found["connected"] + found["sent"]))
        return replace(process, seconds=found["connected"] + found["seconds"])

    try:
        with (
            running_sshd(folder, user, subsystem=SFTP_SERVER) as server,
            running_sshd(folder, user, subsystem="internal-sftp") as without_programs,
        ):
            config, config_without = signed_in(server), signed_in(without_programs)
            there, back = "peer.dump.gz", folder / "back"
            sending = f"put {file.path} {there}"
            samples = interleave(
                {
                    "sftp put": command(server, sending),
                    "trustbackup": lambda: ours(config, file, sent),
                    "sftp put, then get": command(
                        without_programs, sending, f"get {there} {back}", f"rm {there}"
                    ),
                    "trustbackup, read back": lambda: ours(config_without, file, []),
                },
                rounds,
            )
            samples["trustbackup, until it is sent"] = sent
            say("    once with ten times as much")
            samples["trustbackup, 10 x"] = [ours(config, large, [])]
    finally:
        remove_user(user)
    section = table("SFTP", samples, file, large)
    speed = median(samples["sftp put"]) / median(samples["trustbackup"])
    back_too = median(samples["sftp put, then get"]) / median(samples["trustbackup, read back"])
    section.targets = [
        Target(
            what="SFTP: sent and checked, beside sftp put", value=speed, limit=0.9, at_least=True
        ),
        Target(
            what="SFTP: read back, beside put and get", value=back_too, limit=0.9, at_least=True
        ),
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
        alone: list[Sample] = []

        def ours() -> Sample:
            process, found = put(site, "s3", config, file)
            alone.append(Sample(seconds=found["seconds"]))
            return process

        samples = interleave(
            {
                "aws s3 cp": lambda: run(argv, environment),
                "trustbackup, whole process": ours,
            },
            rounds,
        )
        samples["trustbackup, the copy"] = alone
        say("    once with ten times as much")
        samples["trustbackup, 10 x"] = [put(site, "s3", config, large)[0]]
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
