"""What people type into a shell where trustbackup is not there, or nothing is there yet."""

from __future__ import annotations


class ManualCommands:
    """Each engine says what it has; none is a text or a list that is empty."""

    @classmethod
    def manual_restore(cls, unpack: str, file: str) -> str:
        """A shell command that restores ``file`` without us; "" if there is none.

        ``unpack`` is the command that writes its raw dump to standard output.
        """
        return ""

    def creation_commands(self, encoding: str) -> list[str]:
        """Shell commands that make an empty database like this one on a new machine.

        They are for the server's superuser; none where the first connection makes the database.
        ``encoding`` is what a manifest says of it. Raises RestoreError when it can't be asked.
        """
        return []
