"""Uploaded files: the first incremental backup beside tar and the peer, and further ones.

Half of the files are pictures (random bytes), half are text, which compresses to about a quarter.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

from benchmarks.measure import Sample, interleave, median, run
from benchmarks.report import Section, Target
from benchmarks.site import Site

FILES = 20_000
"""At scale 1."""
AVERAGE = 100_000
"""Bytes of a file; sizes lie between a tenth of that and nearly twice."""
_SHARE = 100
"""One in so many files changes."""
_FOLDER = 200
_TEXT = 8 << 20
"""Bytes of text, of which each text is a piece: far more than gzip looks back."""
TAR, PEER, ARCHIVE = "tar | gzip -1", "mediabackup -z", "create_backup --type media"
FIRST, AGAIN, CHANGED = "incremental, the first", "… nothing changed", "… 1 % changed"
_COMMAND = ("create_backup", "--type", "media", "--incremental")


def make(media: Path, files: int) -> int:
    """The same files on every machine; their bytes. They are old enough to be believed."""
    source = random.Random(1)
    text = b"".join(b"%d,order\n" % source.getrandbits(20) for _ in range(_TEXT // 13))
    total = 0
    for number in range(files):
        size = source.randrange(AVERAGE // 10, AVERAGE * 19 // 10)
        folder = media / f"{number // _FOLDER:05}"
        folder.mkdir(parents=True, exist_ok=True)
        if number % 2:
            content = source.randbytes(size)
            (folder / f"picture{number}.jpg").write_bytes(content)
        else:
            start = source.randrange(len(text) - size)
            content = text[start : start + size]
            (folder / f"text{number}.csv").write_bytes(content)
        total += len(content)
    return total


class Media:
    """A site with uploaded files; each variant leaves the state that the next one needs."""

    def __init__(self, site: Site, files: int) -> None:
        self.site, self.media = site, Path(site.environment["MEDIA_ROOT"])
        self.size = make(self.media, files)
        self._round = 0
        self.changed = 0

    def tar(self) -> Sample:
        target = self.site.peer / "media.tar.gz"
        command = f"tar -C {self.media} -cf - . | gzip -1 > {target}"
        sample = run(["sh", "-c", command], self.site.environment)
        return self.site.weighed(sample)

    def first(self) -> Sample:
        shutil.rmtree(self.site.backups)
        self.site.backups.mkdir()
        return self._incremental()

    def again(self) -> Sample:
        return self._incremental()

    def one_percent(self) -> Sample:
        self._round += 1
        self.changed = 0
        for number, path in enumerate(sorted(self.media.rglob("*.*"))):
            if number % _SHARE == self._round:
                content = os.urandom(path.stat().st_size)
                path.write_bytes(content)
                self.changed += len(content)
        return self._incremental()

    def _incremental(self) -> Sample:
        before = self._weight()
        sample = self.site.manage(*_COMMAND)
        size = self._weight() - before
        return Sample(seconds=sample.seconds, cpu=sample.cpu, memory=sample.memory, size=size)

    def _weight(self) -> int:
        files = (path for path in self.site.backups.rglob("*") if path.is_file())
        return sum(path.stat().st_size for path in files)


def measure(site: Site, rounds: int, scale: float) -> Section:
    site.manage("migrate", "--verbosity", "0")
    files = max(_SHARE, round(FILES * scale))
    media = Media(site, files)
    bare = site.manage("check")
    samples = interleave(
        {
            TAR: media.tar,
            PEER: site.dump("mediabackup", "-z", "--noinput"),
            ARCHIVE: site.dump(*_COMMAND[:-1]),
            FIRST: media.first,
            AGAIN: media.again,
            CHANGED: media.one_percent,
        },
        rounds,
    )
    result = Section(
        title=f"Uploaded files: {media.size / 1e9:.2f} GB in {files:,} files",
        header=["", "s", "s CPU", "memory, MB", "written, MB"],
        samples=samples,
        facts={"media_bytes": media.size, "files": files},
    )
    for name, runs in samples.items():
        result.rows.append(
            [
                name,
                f"{median(runs):.2f}",
                f"{median(runs, 'cpu'):.2f}",
                f"{median(runs, 'memory') / 1e6:.0f}",
                f"{median(runs, 'size') / 1e6:.1f}",
            ]
        )
    first = samples[FIRST]
    more = median(first, "memory") - bare.memory
    result.targets = [
        Target(
            what="The first one's time beside tar | gzip -1",
            value=median(first) / median(samples[TAR]),
            limit=1 / 3,
        ),
        Target(
            what="The first one's time beside mediabackup -z",
            value=median(first) / median(samples[PEER]),
            limit=1 / 3,
        ),
        Target(
            what="Nothing changed, beside the first",
            value=median(samples[AGAIN]) / median(first),
            limit=1 / 20,
        ),
        Target(
            what="1 % changed, beside the first",
            value=median(samples[CHANGED]) / median(first),
            limit=1 / 10,
        ),
        Target(
            what="Space for 1 % changed, beside what changed",
            value=median(samples[CHANGED], "size") / media.changed,
            limit=1.05,
        ),
        Target(what="Memory over that of manage.py check", value=more / 1e6, limit=60, unit="MB"),
    ]
    return result
