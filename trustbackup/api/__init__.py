"""The same as the pages, for machines; needs ``pip install 'trustbackup[api]'``."""

from __future__ import annotations
