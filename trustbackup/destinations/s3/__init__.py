"""Copies in a bucket of Amazon S3, or of a server that speaks its language.

    config.py    what it is told                     client.py   the connection, and where it may go
    parts.py     a file, read once, as parts         upload.py   one file's way there
    reader.py    and back                            probe.py    the connection test
    requests.py  what more than one of them asks     errors.py   one sentence for each failure

config.py loads nothing; the others load boto3.
"""

from __future__ import annotations
