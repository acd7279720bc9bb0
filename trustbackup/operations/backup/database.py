"""One database as a part of a backup: dumped, compressed, hashed, and the facts of its snapshot."""

from __future__ import annotations

from trustbackup.databases.base import Database, Dump
from trustbackup.databases.values import DumpRequest, Facts
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.store import drafts, names
from trustbackup.store.compression import Compression
from trustbackup.store.head import Head
from trustbackup.store.manifest import Part, Table
from trustbackup.store.streams import Decompressed, Written, write_compressed


def dump_database(
    source: Database,
    draft: drafts.Draft,
    how: Compression,
    request: DumpRequest,
    report: Reporter,
) -> Part:
    """Raises DumpError, FolderError."""
    stage = f"dumping {source.alias}"
    report(Progress(stage=stage))
    with source.dump(request) as stream:
        file_name = names.part_name(draft.id, source.alias, stream.suffix, how.suffix)

        def on_bytes(done: int) -> None:
            report(Progress(stage=stage, done=done, total=max(stream.estimate, done)))

        # The site can't read what it has encrypted, so that the beginning is remembered.
        head = Head(stream) if how.recipients else None
        with draft.create(file_name) as target:
            stored = write_compressed(head or stream, target, how, on_bytes, step=stream.step)
        report(Progress(stage=f"checking {source.alias}"))
        facts = stream.facts(head.open if head else lambda: Decompressed(draft.folder / file_name))
        return _part(source, stream, file_name, how, stored, facts)


def _part(
    source: Database,
    stream: Dump,
    file_name: str,
    how: Compression,
    stored: Written,
    facts: Facts,
) -> Part:
    return Part(
        part=source.alias,
        file=file_name,
        bytes=stored.size,
        raw_bytes=stored.raw_size,
        sha256=stored.sha256,
        plain_bytes=stored.plain_size,
        plain_sha256=stored.plain_sha256,
        compression=how.name,
        format=stream.format,
        engine=source.engine,
        connector=stream.connector,
        server_version=facts.server_version,
        tool_version=stream.tool_version,
        database=facts.database,
        encoding=facts.encoding,
        fingerprint=facts.fingerprint,
        tables=tuple(
            Table(
                schema=table.schema,
                name=table.name,
                rows=table.rows,
                fingerprint=table.fingerprint,
            )
            for table in facts.tables
        ),
        migrations=facts.migrations,
        inventory=facts.inventory.bounded() if facts.inventory else None,
        definition=facts.definition,
        excluded=facts.excluded,
    )
