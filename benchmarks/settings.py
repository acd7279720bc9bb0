"""The example site's settings, with what django-dbbackup wants beside trustbackup's."""

from __future__ import annotations

import os

from webshop.settings import *  # noqa: F403

DEBUG = False
ROOT_URLCONF = "benchmarks.urls"
SECRET_KEY = "the-benchmark's-own-key-of-more-than-fifty-characters"

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "dbbackup": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": os.environ.get("BENCHMARK_PEER_ROOT", "peer")},
    },
}
