"""What else a backup can hold: media, settings, one app's data."""

from __future__ import annotations
