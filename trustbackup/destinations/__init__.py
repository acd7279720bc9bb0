"""Places for copies: SFTP, S3, any Django storage, another folder."""

from __future__ import annotations
