"""Reading and writing a database by the site's own models, through its alias."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _


class RowAccess:
    """An engine that can do neither says so: the rest of the contract does without."""

    alias: str

    def frozen(self, workdir: Path) -> AbstractContextManager[None]:
        """Until its end the alias means, in this thread, the database as it is at this instant.

        ``workdir`` is a private folder. What is written then is lost. Raises DumpError.
        """
        raise self._refused()

    def writing(self, tables: Sequence[str]) -> AbstractContextManager[None]:
        """One transaction on the alias, in this thread: nobody else writes to these tables.

        It commits at its end, and takes everything back when something is raised. Constraints
        are checked at its end at the latest. Raises RestoreError.
        """
        raise self._refused()

    def raise_sequences(self, columns: Sequence[tuple[str, str]]) -> None:
        """Within ``writing``: let no number that is in these tables' columns be given again.

        None is lowered: what was given once may be written down elsewhere.
        """
        raise self._refused()

    def _refused(self) -> UsageError:
        return UsageError(
            _("Single apps' data can't be backed up from database %(alias)r", alias=self.alias),
            why=_("its engine has no such reading"),
            todo=_("Back the database up instead."),
        )
