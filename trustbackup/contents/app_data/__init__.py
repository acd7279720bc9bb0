"""One app's data: the rows of its models as a fixture, which Django's ``loaddata`` reads, too."""

from __future__ import annotations
