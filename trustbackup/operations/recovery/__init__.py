"""What a stranger needs to bring the site back, on one page that is kept outside of the site."""

from __future__ import annotations
