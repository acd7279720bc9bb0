"""What the tests stand on: real servers, real sites, real file systems."""

from __future__ import annotations
