"""What somebody who knows backups would look at on this site, and what each look found."""

from __future__ import annotations
