"""What every server imports.

Nothing in the lists may read settings, need the registry of apps or start a thread.
"""

from __future__ import annotations

import importlib

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
    lzma paramiko psycopg.types.json pyfastcdc rich.console rich.progress rich.table
    socketserver sqlparse statistics storages.base tarfile unittest.mock urllib3
    xml.sax.expatreader zipfile zipstream
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


def load() -> None:
    for module in (*IMPORTED.split(), *OURS.split()):
        importlib.import_module(module)
