"""``manage.py backup_keys``: the keys that backups are encrypted to, and whether they open them."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.exceptions import UsageError
from trustbackup.management.identity import add_identity_argument
from trustbackup.management.key_sheet import key_page, key_sheet
from trustbackup.management.terminal import BackupCommand, counted
from trustbackup.operations.context import Context
from trustbackup.operations.encryption_keys import (
    KeyState,
    add_key,
    check_key_name,
    find_key,
    list_keys,
    retire_key,
    what_retiring_means,
)
from trustbackup.operations.key_proof import KeyTry, prove_keys
from trustbackup.operations.plans.spec import all_plans
from trustbackup.phrases import ago
from trustbackup.phrases import gettext as _
from trustbackup.runs.recorder import record_event, system_user
from trustbackup.store import catalog
from trustbackup.store.durable import DurableFile
from trustbackup.store.identities import PASSPHRASE, in_use, merged, read_identities
from trustbackup.store.manifest import format_time
from trustbackup.store.new_identity import new_identity

_LARGEST = 64 << 10
"""Bytes that are read from the standard input."""


class Command(BackupCommand):
    help = "Make a pair of keys, name a public key, list all, try an identity, or retire a key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["new", "add", "list", "prove", "retire"])
        parser.add_argument("name", nargs="?", default="", help="The key's name.")
        parser.add_argument("key", nargs="?", default="", help="add: the public key.")
        parser.add_argument(
            "--out",
            metavar="FILE",
            default="",
            help="new: write the identity into this new file, instead of showing it.",
        )
        parser.add_argument(
            "--sheet",
            metavar="FILE",
            default="",
            help="new: write a page to print, with the identity and its QR code, as HTML.",
        )
        parser.add_argument(
            "--passphrase",
            action="store_true",
            help=f"new: ask for a passphrase that protects it, or take it from {PASSPHRASE}.",
        )
        parser.add_argument(
            "--stdin", action="store_true", help="prove: read the identity from standard input."
        )
        add_identity_argument(parser)

    def run(self, options: dict[str, Any]) -> bool:
        what, name = options["what"], options["name"]
        if what == "list":
            self._list(as_json=options["json"])
            return True
        if what == "prove":
            return self._prove(options)
        if not name:
            todo = _("Give its name after %(what)s.", what=what)
            raise UsageError(_("No key was named"), todo=todo)
        if what == "new":
            self._new(name, options)
        elif what == "add":
            row = add_key(name, options["key"])
            self._record("add key", row.name)
            sentence = f"Key {row.name} ({row.fingerprint}) is known."
            self._tell(sentence, find_state(row.name), options)
        else:
            catalog.synchronise(Context.current().folder)
            state = retire_key(name, all_plans())
            self._record("retire key", state.name)
            sentence = f"Key {state.name} is retired. {what_retiring_means(state)}"
            self._tell(sentence, state, options)
        return True

    def _new(self, name: str, options: dict[str, Any]) -> None:
        check_key_name(name)
        made = new_identity(_new_passphrase() if options["passphrase"] else "")
        written = {
            options["out"]: made.text,
            options["sheet"]: key_page(name, made) if options["sheet"] else "",
        }
        written.pop("", None)
        for path, content in written.items():
            with DurableFile(Path(path)) as file:
                file.write(content.encode())
        add_key(name, made.recipient)
        self._record("make key", name)
        state = find_state(name)
        if options["json"]:
            secret = {"files": list(written)} if written else {"identity": made.text}
            self.print_json({**_as_json(state), **secret})
            return
        if written:
            files = " and ".join(written)
            self.stdout.write(f"The identity of key {name} is in {files}, and nowhere else.")
            self.stdout.write(f"Public key: {made.recipient}")
            return
        self.stderr.write("This is shown once, and kept nowhere. Print it, or store it.")
        for line in key_sheet(name, made):
            self.stdout.write(line)

    def _list(self, *, as_json: bool) -> None:
        catalog.synchronise(Context.current().folder)
        found = list_keys(all_plans())
        if as_json:
            self.print_json([_as_json(state) for state in found])
            return
        now = datetime.now(UTC)
        for state in found:
            self.stdout.write("  ".join(_described(state, now)))
        if not found:
            self.stdout.write("There are no keys: no plan and no backup here is encrypted.")

    def _prove(self, options: dict[str, Any]) -> bool:
        known = in_use()
        if options["stdin"]:
            pasted = sys.stdin.buffer.read(_LARGEST)
            known = merged([known, read_identities(pasted, lambda: os.environ.get(PASSPHRASE, ""))])
        with self.progress(options) as report:
            tries = prove_keys(known, report)
        opened = {each.fingerprint: _label(each) for each in tries if each.opened}
        for label in opened.values():
            self._record("prove key", label)
        if options["json"]:
            self.print_json([_try_as_json(each) for each in tries])
        else:
            for each in tries:
                self.stdout.write(_as_text(each))
        return {each.fingerprint for each in tries} == opened.keys()

    def _tell(self, sentence: str, state: KeyState, options: dict[str, Any]) -> None:
        if options["json"]:
            self.print_json({**_as_json(state), "sentence": sentence})
        else:
            self.stdout.write(sentence)

    def _record(self, action: str, target: str) -> None:
        actor = f"{system_user()} (command)"
        record_event(action, target, actor=actor, address=socket.gethostname())


def find_state(name: str) -> KeyState:
    """A key that has a name, as the list has it."""
    key = find_key(name).fingerprint
    return next(state for state in list_keys(all_plans()) if state.fingerprint == key)


def _new_passphrase() -> str:
    """Typed twice, or the variable's. Raises UsageError."""
    if given := os.environ.get(PASSPHRASE, ""):
        return given
    if sys.stdin.isatty():
        first = getpass.getpass("Passphrase for the new identity: ")
        if first and first == getpass.getpass("Once more: "):
            return first
    raise UsageError(
        _("No passphrase was given"),
        todo=_("Type the same one twice, or set TRUSTBACKUP_IDENTITY_PASSPHRASE."),
    )


def _label(done: KeyTry) -> str:
    return done.name or done.fingerprint


def _as_text(done: KeyTry) -> str:
    where = done.place or "the backup folder"
    if done.opened:
        return f"{where}: {done.identifier} opened with key {_label(done)}."
    return f"{where}: not opened with key {_label(done)}: {done.problem}"


def _described(state: KeyState, now: datetime) -> Sequence[str]:
    retired = f"retired {state.retired:%Y-%m-%d}" if state.retired else "in use"
    plans = f"plans: {', '.join(state.plans)}" if state.plans else "no plan"
    proofs = [
        f"opened {proof.identifier} in {proof.place or 'the backup folder'} {ago(now - proof.at)}"
        for proof in state.proofs
    ]
    named = state.name or "(no name)"
    opens = f"opens {counted(state.backups, 'backup')} here, {state.alone} of them alone"
    return [
        named,
        state.fingerprint,
        retired,
        plans,
        opens,
        "; ".join(proofs) or "never proven",
    ]


def _as_json(state: KeyState) -> dict[str, Any]:
    return {
        "name": state.name,
        "fingerprint": state.fingerprint,
        "recipient": state.recipient,
        "created": state.created and format_time(state.created),
        "retired": state.retired and format_time(state.retired),
        "plans": list(state.plans),
        "backups": state.backups,
        "alone": state.alone,
        "newest": state.newest and format_time(state.newest),
        "proofs": [
            {"place": proof.place, "id": proof.identifier, "at": format_time(proof.at)}
            for proof in state.proofs
        ],
    }


def _try_as_json(done: KeyTry) -> dict[str, Any]:
    return {
        "fingerprint": done.fingerprint,
        "name": done.name,
        "place": done.place,
        "id": done.identifier,
        "opened": done.opened,
        "problem": str(done.problem),
    }
