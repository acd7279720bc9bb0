"""Lists of what lies at a destination: files of backups, and objects, which are many."""

from __future__ import annotations

import builtins
from abc import abstractmethod
from collections.abc import Callable

from trustbackup.destinations.base import DestinationBackend, StoredFile
from trustbackup.store import names


class ListingBackend(DestinationBackend):
    """A kind that can list the names that somebody wants."""

    def list(self) -> builtins.list[StoredFile]:
        return self.list_named(names.is_of_backup)

    def list_objects(self) -> builtins.list[StoredFile]:
        return self.list_named(names.is_object)

    @abstractmethod
    def list_named(self, is_wanted: Callable[[str], bool]) -> builtins.list[StoredFile]:
        """All files of wanted names, by name. Raises DestinationError."""
