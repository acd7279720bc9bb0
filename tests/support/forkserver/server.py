"""The process that imports once, and then forks a child for each command.

Nothing in the list may read settings, need the registry of apps or start a thread: a child must
be as a new interpreter is, only sooner.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import runpy
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

IMPORTED = """
    PIL.Image asyncio backports.zstd boto3.session botocore.client botocore.endpoint
    botocore.session concurrent.futures.thread cryptography.fernet
    cryptography.hazmat.primitives.ciphers.aead cryptography.hazmat.primitives.kdf.hkdf
    cryptography.hazmat.primitives.serialization csv ctypes dj_database_url
    django.contrib.admin.apps django.contrib.admin.checks django.contrib.admin.filters
    django.contrib.admin.helpers django.contrib.admin.widgets django.contrib.auth.hashers
    django.contrib.auth.management django.contrib.auth.password_validation
    django.contrib.contenttypes.apps django.contrib.contenttypes.management
    django.contrib.messages.apps django.contrib.messages.storage.fallback
    django.contrib.sessions.backends.db django.contrib.staticfiles.apps
    django.contrib.staticfiles.finders django.core.cache.backends.locmem
    django.core.checks.security django.core.mail django.core.management.commands.check
    django.core.management.commands.migrate django.core.management.commands.shell
    django.core.servers.basehttp django.db.backends.postgresql.base
    django.db.backends.sqlite3.base django.db.migrations.autodetector
    django.db.migrations.executor django.forms.models django.middleware.cache
    django.middleware.csrf django.template.defaultfilters django.template.loader
    django.template.loaders.app_directories django.templatetags.i18n
    django.utils.translation.trans_real django.views.debug django.views.generic
    django_htmx.middleware django_stubs_ext django_tasks.base email.mime.text html.parser
    http.cookies humanize importlib.resources ipaddress isal.igzip_threaded logging.handlers
    lzma paramiko psycopg.types.json rich.console rich.progress rich.table socketserver sqlparse
    statistics storages.base tarfile unittest.mock urllib3 xml.sax.expatreader zipfile zipstream
"""
OURS = """
    trustbackup.conf trustbackup.databases.process trustbackup.databases.registry
    trustbackup.databases.values trustbackup.destinations.registry trustbackup.operations.context
    trustbackup.operations.progress trustbackup.policy.anomalies trustbackup.policy.protection
    trustbackup.policy.retention trustbackup.store.drafts trustbackup.store.eviction
    trustbackup.store.folder trustbackup.store.journal trustbackup.store.locks
    trustbackup.store.removal trustbackup.store.staging trustbackup.store.streams trustbackup.vault
"""
"""What every command of ours loads and what knows no model: a third of its time."""


def main() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    for module in (*IMPORTED.split(), *OURS.split()):
        importlib.import_module(module)
    del sys.path[0]
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        gc.collect()
        gc.freeze()
        request = serve(requests)
    become(request)


def serve(requests: socket.socket) -> dict[str, Any]:
    """Fork for each request; returns it, in the child that is to become its command."""
    while True:
        message, ancillary, _flags, _address = requests.recvmsg(1 << 20, socket.CMSG_SPACE(3 * 4))
        if not message:
            os._exit(0)
        files = array.array("i")
        for _level, _kind, data in ancillary:
            files.frombytes(data)
        watcher = os.fork()
        if not watcher and not (command := os.fork()):
            take(*files)
            request: dict[str, Any] = json.loads(message)
            return request
        if not watcher:
            watch(command, *files)
        for file in files:
            os.close(file)
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def take(out: int, err: int, end: int) -> None:
    """Write where the command's output goes, as the first of a session of its own."""
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    for file in (out, err, end):
        os.close(file)


def watch(command: int, out: int, err: int, end: int) -> None:
    """Tell the command's process id and, at its end, its status."""
    os.close(out)
    os.close(err)
    os.write(end, b"%d\n" % command)
    os.write(end, b"%d\n" % os.waitpid(command, 0)[1])
    os._exit(0)


def become(request: dict[str, Any]) -> None:
    """Run the program as if this interpreter had just been started for it."""
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.umask(request["umask"])
    os.chdir(request["cwd"])
    tempfile.tempdir = None
    sys.argv = request["argv"]
    added = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    sys.path[:1] = [str(Path(sys.argv[0]).parent), *added]
    importlib.invalidate_caches()
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
