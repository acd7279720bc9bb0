"""Copies in a bucket of Amazon S3, or of a server that speaks its language.

    config.py    its configuration                   client.py   the connection, and where it may go
    parts.py     a file, read once, as parts         upload.py   one file's way there
    reader.py    and back                            probe.py    the connection test
    requests.py  what more than one of them asks     errors.py   one sentence for each failure

config.py loads nothing; the others load boto3.
"""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from trustbackup.destinations.base import Capabilities
from trustbackup.destinations.kind import DestinationKind
from trustbackup.destinations.s3.config import S3_VARIABLES, S3Config, from_url

KIND = DestinationKind(
    name="s3",
    label=pgettext_lazy("a kind of destination", "S3"),
    configuration=S3Config,
    backend="trustbackup.destinations.s3.backend.S3",
    scheme="s3",
    from_url=from_url,
    secrets=("secret_key", "session_token"),
    variables=S3_VARIABLES,
    capabilities=Capabilities(locks=True),
    form="trustbackup.destinations.s3.form.S3Form",
)
