"""What backups of each type read, and what they may be called."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from trustbackup.conf import get_settings
from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.databases.registry import distinct_aliases
from trustbackup.databases.values import Options
from trustbackup.exceptions import UsageError
from trustbackup.operations.backup.app_data import APP, AppRequest
from trustbackup.operations.backup.full import FULL, refuse_names_of_parts
from trustbackup.operations.backup.media import MEDIA_KIND
from trustbackup.operations.settings_models import settings_alias
from trustbackup.phrases import gettext as _
from trustbackup.store.manifest import KINDS

DATABASE = "database"
LONGEST_NAME = 200
"""Characters."""
MAKEABLE = (DATABASE, FULL, MEDIA_KIND, SETTINGS)
"""The types that can be made without saying more; the first is the default."""


def check_kind(kind: str, app: AppRequest | None) -> None:
    """Raises UsageError."""
    if kind not in KINDS:
        raise UsageError(
            _("There is no type of backup %(name)r", name=kind),
            todo=_("Choose one of %(known)s.", known=", ".join(KINDS)),
        )
    if kind == APP and app is None:
        raise UsageError(
            _("A backup of type %(name)r is of one app", name=kind),
            todo=_("Name it with --app."),
        )


def check_incremental(
    kind: str, *, incremental: bool, read_all: bool, encrypted: bool = False
) -> None:
    """Raises UsageError for what can't be incremental."""
    if incremental and kind not in (MEDIA_KIND, FULL):
        raise UsageError(
            _("Only uploaded files can be backed up incrementally"),
            todo=_("Use --type media or full, or leave --incremental out."),
        )
    if incremental and encrypted:
        raise UsageError(
            _("An incremental backup can't be encrypted yet"),
            why=_("what it shares with others is named by its plain content"),
            todo=_("Leave --incremental out: then all files are written, and encrypted."),
        )
    if read_all and not incremental:
        raise UsageError(
            _("A backup that is not incremental reads all files anyway"),
            todo=_("Leave --read-all out, or add --incremental."),
        )


def checked_name(name: str) -> str:
    """A name without white space around it. Raises UsageError."""
    name = name.strip()
    if len(name) > LONGEST_NAME:
        raise UsageError(
            _("The name has %(count)d characters", count=len(name)),
            todo=_("Use at most %(count)d.", count=LONGEST_NAME),
        )
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise UsageError(
            _("The name has a line break or a control character"), todo=_("Leave it out.")
        )
    if "/" in name or "\\" in name:
        raise UsageError(
            _("The name %(name)r has a slash", name=name), todo=_("Use a dash instead.")
        )
    return name


def aliases_of(kind: str, wanted: Sequence[str] = ()) -> Sequence[str]:
    """The databases that a backup of this kind reads. Raises UsageError."""
    if kind == MEDIA_KIND:
        if wanted:
            raise UsageError(
                _("A backup of uploaded files holds no database"), todo=_("Leave --database out.")
            )
        return ()
    if kind == SETTINGS:
        return [settings_alias(get_settings(), tuple(wanted))]
    if kind == APP:
        return wanted
    aliases = aliases_to_dump(wanted)
    if kind == FULL:
        refuse_names_of_parts(aliases)
    return aliases


def aliases_to_dump(wanted: Sequence[str] = ()) -> list[str]:
    """These aliases, or all that a backup holds by default. Raises UsageError for none."""
    settings = get_settings()
    options = Options(wait=settings.lock_timeout, connect_timeout=settings.connect_timeout)
    aliases = distinct_aliases(
        tuple(wanted) or settings.databases, options, settings.database_engines
    )
    if not aliases:
        raise UsageError(_("The site has no database"), todo=_("Set DATABASES, then try again."))
    return aliases
