"""One copy, in a process of its own: ``python -m benchmarks.put KIND CONFIG FILE SHA256``.

With ``remove`` instead of the hash the copy goes again, which is no part of what is measured.
Else it prints as JSON the seconds of the whole put, those until the last byte was sent, and
those that it took before to connect and sign in.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import django

from trustbackup.destinations.registry import kind_named


def main() -> None:
    kind, config, file, sha256 = sys.argv[1:]
    django.setup()
    path = Path(file)
    size = path.stat().st_size
    sent = 0.0
    values = json.loads(Path(config).read_text())
    known = kind_named(kind)
    with known.open(known.configure(values["options"], values["secrets"])) as place:
        if sha256 == "remove":
            place.delete(path.name)
            return
        began = time.monotonic()
        place.stat(path.name)  # connected, as a worker is that copies several files
        connected = time.monotonic() - began
        began = time.monotonic()

        def written(done: int) -> None:
            nonlocal sent
            if done >= size and not sent:
                sent = time.monotonic() - began

        place.put(path, sha256, written)
        seconds = time.monotonic() - began
    print(json.dumps({"connected": connected, "seconds": seconds, "sent": sent or seconds}))


if __name__ == "__main__":
    main()
