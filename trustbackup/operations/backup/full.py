"""What a full backup holds besides its databases: each part's outcome is its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import DatabaseError

from trustbackup.conf.contents import MEDIA
from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.backup.app_data import dump_settings
from trustbackup.operations.backup.media import OnList
from trustbackup.operations.backup.media_versions import dump_versions
from trustbackup.operations.context import Context
from trustbackup.operations.media_buckets import MediaBucket, media_buckets
from trustbackup.operations.media_folders import MediaFolder, contents_of_site, media_folders
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.operations.settings_models import settings_alias, settings_models
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line
from trustbackup.store.compression import Compression
from trustbackup.store.drafts import Draft
from trustbackup.store.full_facts import FullFacts
from trustbackup.store.manifest import Manifest, Part

if TYPE_CHECKING:
    from trustbackup.contents.media.references import FileReferences

FULL = "full"
"""The type of a backup that holds all that a site is."""


def holds_everything(manifest: Manifest) -> bool:
    """Whether it is a full backup, whose parts are restored together or singly."""
    return manifest.kind == FULL


class RestOfSite:
    """The uploaded files and the settings of a full backup, after its databases were dumped.

    ``dump_files`` makes a folder's two parts, and lets its list be read. What can't be read is
    noted in ``facts``, and stops no other part.
    """

    def __init__(
        self,
        context: Context,
        draft: Draft,
        how: Compression,
        report: Reporter,
        dump_files: Callable[[MediaFolder, OnList], tuple[Part, Part]],
    ) -> None:
        self.context, self.draft, self.how, self.report = context, draft, how, report
        self._dump_files = dump_files
        self.parts: list[Part] = []
        self.facts = FullFacts()

    def dump(self, aliases: Iterable[str]) -> None:
        """Raises Cancelled, and FolderError where nothing can be written any more."""
        from trustbackup.contents.media.references import FileReferences

        folders = self._folders()
        with ExitStack() as stack:
            references = FileReferences({each.part: each.path for each in folders})
            stack.enter_context(references)
            # Before the files are read: whoever uploads meanwhile lets no file look missing.
            for alias in aliases:
                self._read_rows(references, alias)
            for folder in folders:
                self._dump_folder(folder, references)
            for bucket in self._buckets():
                with self._on_its_own(bucket.part):
                    self.parts.append(dump_versions(bucket, self.draft, self.how, self.report))
            self._count(references)
        self._dump_settings()

    def _folders(self) -> list[MediaFolder]:
        settings = self.context.settings
        try:
            return media_folders(settings) if contents_of_site(settings) else []
        except UsageError as error:
            self._lack(MEDIA, error)
            return []

    def _buckets(self) -> list[MediaBucket]:
        with suppress(UsageError):  # the folders have said so
            return media_buckets(self.context.settings)
        return []

    def _read_rows(self, references: FileReferences, alias: str) -> None:
        self.report(Progress(stage=f"reading file fields of {alias}"))
        with suppress(DatabaseError):  # nothing is known of them then, and nothing counted
            references.read_rows(alias)

    def _dump_folder(self, folder: MediaFolder, references: FileReferences) -> None:
        from trustbackup.contents.media.index import read_index

        with self._on_its_own(folder.part):
            self.parts += self._dump_files(
                folder, lambda raw: references.compare(folder.part, read_index(raw))
            )

    def _count(self, references: FileReferences) -> None:
        self.facts = replace(
            self.facts,
            named=references.named,
            missing=references.missing,
            rows=references.first_rows(),
            unnamed=references.unnamed,
        )

    def _dump_settings(self) -> None:
        settings = self.context.settings
        with self._on_its_own(SETTINGS):
            if not settings_models(settings):
                return
            source = self.context.database(settings_alias(settings))
            self.parts.append(dump_settings(source, self.draft, self.how, settings, self.report))

    @contextmanager
    def _on_its_own(self, part: str) -> Iterator[None]:
        try:
            with self.draft.all_or_none():
                yield
        except (TrustbackupError, DatabaseError) as error:
            self._lack(part, error)

    def _lack(self, part: str, error: Exception) -> None:
        text = str(error) if isinstance(error, TrustbackupError) else one_line(str(error))
        self.facts = replace(self.facts, lacking={**self.facts.lacking, part: text})


def refuse_names_of_parts(aliases: Iterable[str]) -> None:
    """Raises UsageError for a database that is called as another part may be."""
    for alias in aliases:
        if alias in (SETTINGS, MEDIA) or alias.startswith((f"{MEDIA}-", f"{SETTINGS}@")):
            raise UsageError(
                _("Database %(alias)r can't be part of a full backup", alias=alias),
                why=_("another part of it may have this name"),
                todo=_("Give it another alias in DATABASES, or back it up by itself."),
            )
