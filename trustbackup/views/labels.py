"""The words that rows, manifests and runs hold, in the reader's language.

They are stored as short English words, because a manifest must mean the same everywhere. One
that is not known here (a plugin's, a newer version's) is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from trustbackup import translations
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import AuditEvent
from trustbackup.operations.offsite.targets import kinds
from trustbackup.views.other_words import OTHER_ACTIONS

Word = str | Promise
translate = translations.translate


class ActionLabels(NamedTuple):
    """What a run does, as its name, while it goes on, and when it went well."""

    noun: Word
    going_on: Word
    done: Word


ACTIONS: dict[str, ActionLabels] = {
    "create": ActionLabels(
        pgettext_lazy("a run", "Backup"), gettext_lazy("Backing up"), gettext_lazy("Backed up")
    ),
    "verify": ActionLabels(
        pgettext_lazy("a run", "Check"), gettext_lazy("Checking"), gettext_lazy("Checked")
    ),
    "drill": ActionLabels(
        pgettext_lazy("a run", "Drill"),
        gettext_lazy("Proving by a drill"),
        gettext_lazy("Proved by a drill"),
    ),
    "restore": ActionLabels(
        pgettext_lazy("a run", "Restore"), gettext_lazy("Restoring"), gettext_lazy("Restored")
    ),
    "undo": ActionLabels(
        pgettext_lazy("a run", "Undo of a restore"),
        gettext_lazy("Undoing a restore"),
        gettext_lazy("Undid a restore"),
    ),
    "delete": ActionLabels(
        pgettext_lazy("a run", "Deletion"), gettext_lazy("Deleting"), gettext_lazy("Deleted")
    ),
    "prune": ActionLabels(
        pgettext_lazy("a run", "Clean-up"), gettext_lazy("Cleaning up"), gettext_lazy("Cleaned up")
    ),
    "download": ActionLabels(
        pgettext_lazy("a run", "Download"), gettext_lazy("Downloading"), gettext_lazy("Downloaded")
    ),
    "upload": ActionLabels(
        pgettext_lazy("a run", "Upload"), gettext_lazy("Uploading"), gettext_lazy("Uploaded")
    ),
    "adopt": ActionLabels(
        pgettext_lazy("a run", "Adoption"), gettext_lazy("Adopting"), gettext_lazy("Adopted")
    ),
    "copy": ActionLabels(
        pgettext_lazy("a run", "Copy"), gettext_lazy("Copying"), gettext_lazy("Copied")
    ),
    "fetch": ActionLabels(
        pgettext_lazy("a run", "Return"),
        gettext_lazy("Bringing back"),
        gettext_lazy("Brought back"),
    ),
    "scrub": ActionLabels(
        pgettext_lazy("a run", "Scrub"),
        gettext_lazy("Reading copies again"),
        gettext_lazy("Read copies again"),
    ),
    "print recovery sheet": ActionLabels(
        pgettext_lazy("a run", "Print of the recovery sheet"),
        gettext_lazy("Printing the recovery sheet"),
        gettext_lazy("Printed the recovery sheet"),
    ),
    "sync": ActionLabels(
        pgettext_lazy("a run", "Synchronisation"),
        gettext_lazy("Synchronising"),
        gettext_lazy("Synchronised"),
    ),
    "verify_copy": ActionLabels(
        pgettext_lazy("a run", "Check of a copy"),
        gettext_lazy("Checking a copy"),
        gettext_lazy("Checked a copy"),
    ),
    "add destination": ActionLabels(
        pgettext_lazy("a run", "New destination"),
        gettext_lazy("Adding a destination"),
        gettext_lazy("Added a destination"),
    ),
    "change destination": ActionLabels(
        pgettext_lazy("a run", "Change of a destination"),
        gettext_lazy("Changing a destination"),
        gettext_lazy("Changed a destination"),
    ),
    "test destination": ActionLabels(
        pgettext_lazy("a run", "Test of a destination"),
        gettext_lazy("Testing a destination"),
        gettext_lazy("Tested a destination"),
    ),
    "delete destination": ActionLabels(
        pgettext_lazy("a run", "Removal of a destination"),
        gettext_lazy("Removing a destination"),
        gettext_lazy("Removed a destination"),
    ),
    "reset destination": ActionLabels(
        pgettext_lazy("a run", "Reset of a destination"),
        gettext_lazy("Resetting a destination"),
        gettext_lazy("Reset a destination"),
    ),
    "keep": ActionLabels(
        pgettext_lazy("a run", "Protection"),
        gettext_lazy("Protecting"),
        pgettext_lazy("a run", "Protected"),
    ),
    "label": ActionLabels(
        pgettext_lazy("a run", "Naming"), gettext_lazy("Giving a name"), gettext_lazy("Named")
    ),
    "release": ActionLabels(
        pgettext_lazy("a run", "Release"), gettext_lazy("Releasing"), gettext_lazy("Released")
    ),
    "confirm": ActionLabels(
        pgettext_lazy("a run", "Confirmation"),
        gettext_lazy("Confirming"),
        gettext_lazy("Said to be right"),
    ),
    "wrong password": ActionLabels(
        gettext_lazy("Wrong password"),
        gettext_lazy("Looking at a password"),
        gettext_lazy("A wrong password was given"),
    ),
    **{name: ActionLabels(*words) for name, words in OTHER_ACTIONS.items()},
}

STAGES: dict[str, Word] = {
    "publishing": gettext_lazy("Writing the manifest"),
    "dumping": gettext_lazy("Dumping %(what)s"),
    "pruning": gettext_lazy("Cleaning up %(what)s"),
    "sharing the dump of": gettext_lazy("Sharing the dump of %(what)s"),
    "unpacking": gettext_lazy("Unpacking %(what)s"),
    "copying to": gettext_lazy("Copying to %(what)s"),
    "waiting to try": gettext_lazy("Trying %(what)s again soon"),
    "fetching from": gettext_lazy("Fetching from %(what)s"),
    "copying": gettext_lazy("Copying %(what)s"),
    "checking": gettext_lazy("Checking %(what)s"),
    "reading": gettext_lazy("Reading %(what)s"),
    "creating": gettext_lazy("Creating the new %(what)s"),
    "restoring": gettext_lazy("Restoring %(what)s"),
    "loading": gettext_lazy("Loading %(what)s"),
    "comparing": gettext_lazy("Comparing %(what)s"),
    "migrating": gettext_lazy("Migrating %(what)s"),
    "carrying over": gettext_lazy("Carrying our own tables over into %(what)s"),
    "waiting for another run on": gettext_lazy("Waiting for another run on %(what)s"),
    "flushing": gettext_lazy("Flushing %(what)s to the disk"),
    "swapping": gettext_lazy("Swapping %(what)s in"),
    "testing the connection": gettext_lazy("Testing the connection"),
    "sending messages": gettext_lazy("Sending messages"),
}
"""What an operation reports, by its first words; the rest names a database or a file."""

STEPS: dict[str, Word] = {
    "settings": pgettext_lazy("a step of a connection test", "settings"),
    "storage": pgettext_lazy("a step of a connection test", "storage"),
    "name": pgettext_lazy("a step of a connection test", "name"),
    "connection": pgettext_lazy("a step of a connection test", "connection"),
    "host key": pgettext_lazy("a step of a connection test", "host key"),
    "sign-in": pgettext_lazy("a step of a connection test", "sign-in"),
    "object lock": pgettext_lazy("a step of a connection test", "object lock"),
    "folder": pgettext_lazy("a step of a connection test", "folder"),
    "write": pgettext_lazy("a step of a connection test", "write"),
    "read back": pgettext_lazy("a step of a connection test", "read back"),
    "list": pgettext_lazy("a step of a connection test", "list"),
    "rename": pgettext_lazy("a step of a connection test", "rename"),
    "delete": pgettext_lazy("a step of a connection test", "delete"),
    "free space": pgettext_lazy("a step of a connection test", "free space"),
}

TRIGGERS: dict[str, Word] = {
    "command": pgettext_lazy("a trigger", "command line"),
    "page": pgettext_lazy("a trigger", "this page"),
    "safety": pgettext_lazy("a trigger", "before a restore"),
    "before": pgettext_lazy("a trigger", "before a change"),
    "plan": pgettext_lazy("a trigger", "plan"),
    "upload": pgettext_lazy("a trigger", "upload"),
}

KINDS: dict[str, Word] = {
    "full": pgettext_lazy("a kind of backup", "everything"),
    "database": pgettext_lazy("a kind of backup", "database"),
    "media": pgettext_lazy("a kind of backup", "media"),
    "settings": pgettext_lazy("a kind of backup", "settings"),
    "app": pgettext_lazy("a kind of backup", "one app"),
}

SIGNATURES: dict[str, Word] = {
    "ours": gettext_lazy("signed by this site"),
    "unknown": gettext_lazy("signed by an unknown key"),
    "altered": gettext_lazy("altered since it was signed"),
}

STRATEGIES: dict[str, Word] = {
    "swap": pgettext_lazy("a way to restore", "swap"),
    "in place": pgettext_lazy("a way to restore", "in place"),
    "into": pgettext_lazy("a way to restore", "into another database"),
}

MIGRATIONS: dict[str, Word] = {
    "same": gettext_lazy("Its migrations are those of the code."),
    "forward": gettext_lazy("The code has newer migrations, which can be run on it."),
    "newer": gettext_lazy("It has migrations that the code does not know."),
}


def run_title(action: str, state: str = "") -> str:
    """What a run is, was or has done, to stand before its target."""
    known = ACTIONS.get(action)
    if known is None:
        return action
    if state in ("waiting", "running"):
        return str(known.going_on)
    return str(known.done if state == "succeeded" else known.noun)


def event_title(event: AuditEvent) -> str:
    """What somebody did; of a run that came to nothing, that it did."""
    action, state = event.action, event.detail.get("state", "")
    if state in ("failed", "cancelled"):
        noun = run_title(action)
        if state == "failed":
            return _("%(what)s: failed") % {"what": noun}
        return _("%(what)s: cancelled") % {"what": noun}
    return run_title(action, "succeeded")


def stage(text: str) -> str:
    """ "dumping default" as a person would say it."""
    for known, title in STAGES.items():
        if text == known or text.startswith(f"{known} "):
            return str(title) % {"what": text.removeprefix(known).strip()}
    return text


def log(text: str) -> str:
    """A run's log: lines of a time (UTC) and a stage."""
    lines = (line.partition(" ") for line in text.splitlines())
    return "\n".join(f"{time} {stage(rest)}".rstrip() for time, _space, rest in lines)


def trigger(word: str) -> str:
    return _known(TRIGGERS, word)


def step(word: str) -> str:
    return _known(STEPS, word)


def destination(word: str) -> str:
    """A kind of destination; one that the site knows no more is its name."""
    try:
        found = kinds().get(word)
    except TrustbackupError:
        return word
    return str(found.label) if found else word


def kind(word: str) -> str:
    return _known(KINDS, word)


def signature(word: str) -> str:
    return _known(SIGNATURES, word)


def strategy(word: str) -> str:
    return _known(STRATEGIES, word)


def migrations(verdict: str) -> str:
    return _known(MIGRATIONS, verdict)


def _known(words: Mapping[str, Word], word: str) -> str:
    return str(words.get(word, word))
