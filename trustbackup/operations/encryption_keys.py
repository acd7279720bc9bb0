"""Public keys by their names, which backups each opens, and when that was last proven.

A plan is safe with two keys at least, each of which has opened something lately: a key that
nobody ever tried may be a key that nobody has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_slug
from django.db import DatabaseError, IntegrityError, router, transaction

from trustbackup.exceptions import UsageError
from trustbackup.models import Backup, EncryptionKey, KeyProof
from trustbackup.phrases import Phrase, ago, ngettext
from trustbackup.phrases import gettext as _
from trustbackup.policy.plan import PlanSpec
from trustbackup.store.age import read_recipient, read_recipients
from trustbackup.store.fingerprints import fingerprint
from trustbackup.store.index_access import may_connect

PROVEN_WITHIN = timedelta(days=92)
"""A key that opened nothing for a quarter may be lost since."""
LONGEST_NAME = 50


@dataclass(frozen=True, kw_only=True)
class KeyState:
    """A key, whoever named it: a row, a plan, or a backup that it opens."""

    fingerprint: str
    name: str = ""
    """"" for one that has no row."""
    recipient: str = ""
    """"" for one that only backups name."""
    created: datetime | None = None
    retired: datetime | None = None
    plans: tuple[str, ...] = ()
    """Names of those that encrypt to it now."""
    backups: int = 0
    """How many in the index it opens."""
    alone: int = 0
    """How many of them no other key opens."""
    newest: datetime | None = None
    proofs: tuple[KeyProof, ...] = ()
    """The last at each place, the newest first."""

    @property
    def label(self) -> str:
        return self.name or self.fingerprint

    @property
    def proven(self) -> datetime | None:
        """When an identity last opened something of it, wherever."""
        return self.proofs[0].at if self.proofs else None


def list_keys(plans: Iterable[PlanSpec]) -> list[KeyState]:
    """Every key that has a name, that a plan uses, or that a backup here needs; those with a name
    first. Raises DatabaseError."""
    rows = {row.fingerprint: row for row in EncryptionKey.objects.all()}
    used: dict[str, list[str]] = {}
    recipients: dict[str, str] = {key: row.recipient for key, row in rows.items()}
    for plan in plans:
        for recipient in plan.encrypt_to:
            key = fingerprint(recipient)
            recipients.setdefault(key, recipient)
            used.setdefault(key, []).append(plan.name)
    opened: dict[str, list[tuple[datetime, int]]] = {}
    for created, keys in Backup.objects.exclude(keys="").values_list("created", "keys"):
        named = [key for key in keys.split(",") if key]
        for key in named:
            opened.setdefault(key, []).append((created, len(named)))
    proofs: dict[str, list[KeyProof]] = {}
    for proof in KeyProof.objects.all():
        proofs.setdefault(proof.fingerprint, []).append(proof)
    found = [
        KeyState(
            fingerprint=key,
            name=rows[key].name if key in rows else "",
            recipient=recipients.get(key, ""),
            created=rows[key].created if key in rows else None,
            retired=rows[key].retired if key in rows else None,
            plans=tuple(used.get(key, ())),
            backups=len(opened.get(key, ())),
            alone=sum(number == 1 for _created, number in opened.get(key, ())),
            newest=max((created for created, _number in opened.get(key, ())), default=None),
            proofs=tuple(proofs.get(key, ())),
        )
        for key in {**rows, **used, **opened}
    ]
    return sorted(found, key=lambda each: (not each.name, each.retired is not None, each.label))


def add_key(name: str, recipient: str) -> EncryptionKey:
    """Give a public key a name. Raises UsageError."""
    check_key_name(name)
    key = read_recipient(recipient)
    row = EncryptionKey(
        name=name, recipient=key, fingerprint=fingerprint(key), created=datetime.now(UTC)
    )
    same = EncryptionKey.objects.filter(fingerprint=row.fingerprint).first()
    if same is not None:
        raise UsageError(
            _("This key is called %(name)s already", name=same.name),
            todo=_("Use it by that name."),
        )
    try:
        with transaction.atomic(using=router.db_for_write(EncryptionKey)):
            row.save(force_insert=True)
    except IntegrityError:
        raise _name_taken(name) from None
    return row


def check_key_name(name: str) -> None:
    """Raises UsageError for what can be no key's name, or is another one's."""
    try:
        validate_slug(name)
    except ValidationError:
        name_is_good = False
    else:
        # As names and keys are given in the same place, none may look like the other.
        name_is_good = len(name) <= LONGEST_NAME and not name.startswith(("age1", "ssh-"))
    if not name_is_good:
        raise UsageError(
            _("A key can't be called %(name)s", name=repr(name)[:100]),
            todo=_(
                "Use up to %(count)d letters, digits, - and _, and not age1 or ssh- in front.",
                count=LONGEST_NAME,
            ),
        )
    if EncryptionKey.objects.filter(name=name).exists():
        raise _name_taken(name)


def _name_taken(name: str) -> UsageError:
    return UsageError(
        _("There is a key %(name)r already", name=name),
        todo=_("Choose another name: that of a retired one stays its own."),
    )


def find_key(name: str) -> EncryptionKey:
    """A key by its name or its fingerprint. Raises UsageError."""
    rows = {row.name: row for row in EncryptionKey.objects.all()}
    by_fingerprint = {row.fingerprint: row for row in rows.values()}
    row = rows.get(name) or by_fingerprint.get(name)
    if row is None:
        todo = _("Give it a name first: backup_keys add NAME KEY.")
        if rows:
            todo = _("There are %(names)s.", names=", ".join(rows))
        raise UsageError(_("There is no key %(name)r", name=name[:100]), todo=todo)
    return row


def retire_key(name: str, plans: Iterable[PlanSpec]) -> KeyState:
    """From now on nothing new is encrypted to it. Raises UsageError while a plan names it."""
    row = find_key(name)
    state = next(each for each in list_keys(plans) if each.fingerprint == row.fingerprint)
    if state.plans:
        raise UsageError(
            _("Key %(name)s can't be retired", name=row.name),
            why=_("these plans encrypt to it: %(plans)s", plans=", ".join(state.plans)),
            todo=_("Give them another key first."),
        )
    if row.retired is None:
        row.retired = datetime.now(UTC)
        row.save(update_fields=["retired"])
    return next(each for each in list_keys(plans) if each.fingerprint == row.fingerprint)


def what_retiring_means(state: KeyState) -> Phrase:
    """One sentence on the backups that it opens: no file is changed by it."""
    if not state.backups:
        return _("It opens no backup here; copies elsewhere that it opens need it further on.")
    if state.alone:
        return ngettext(
            "Keep its identity: %(number)d backup here is opened by no other key, and stays"
            " encrypted to it until it expires.",
            "Keep its identity: %(number)d backups here are opened by no other key, and stay"
            " encrypted to it until they expire.",
            state.alone,
        )
    return ngettext(
        "It still opens %(number)d backup here, which other keys open, too. Who holds its identity"
        " can read that until it is deleted.",
        "It still opens %(number)d backups here, which other keys open, too. Who holds its identity"
        " can read them until they are deleted.",
        state.backups,
    )


def recipients_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Public keys of age, of which some are given by their names. Raises UsageError.

    No row is asked for what is a public key itself, so that this works without a database; only
    whether it was retired is, where there is one.
    """
    if not texts:
        return ()  # a site without encryption is not asked anything before its dump
    rows = _rows()
    by_name = {row.name: row.recipient for row in rows}
    found = read_recipients([by_name.get(text.strip(), text) for text in texts])
    for row in rows:
        if row.retired is not None and row.recipient in found:
            raise UsageError(
                _("Nothing new is encrypted to key %(name)s", name=row.name),
                why=_("it was retired on %(day)s", day=f"{row.retired:%Y-%m-%d}"),
                todo=_("Name another key; backup_keys list shows them."),
            )
    return found


def _rows() -> list[EncryptionKey]:
    try:
        if not may_connect(router.db_for_read(EncryptionKey)):
            return []
        return list(EncryptionKey.objects.all())
    except (DatabaseError, ImproperlyConfigured):
        return []


def key_troubles(plans: Iterable[PlanSpec], now: datetime) -> dict[str, Phrase]:
    """By its name, why a plan that is switched on may lock its owner out; its first reason."""
    found: dict[str, Phrase] = {}
    encrypting = [plan for plan in plans if plan.encrypt_to]
    if not encrypting:
        return found
    proven: dict[str, datetime] = {}
    for key, at in KeyProof.objects.filter(at__lte=now).values_list("fingerprint", "at"):
        proven[key] = max(at, proven.get(key, at))
    called = dict(EncryptionKey.objects.values_list("fingerprint", "name"))
    for plan in encrypting:
        if sentence := _trouble(plan, proven, called, now):
            found[plan.name] = sentence
    return found


def _trouble(
    plan: PlanSpec, proven: dict[str, datetime], called: dict[str, str], now: datetime
) -> Phrase | None:
    keys = [fingerprint(recipient) for recipient in plan.encrypt_to]
    for key in keys:
        name = called.get(key, key)
        if key not in proven:
            return _(
                "Plan %(plan)s encrypts to key %(key)s, which was never proven to open a backup.",
                plan=plan.name,
                key=name,
            )
        if now - proven[key] > PROVEN_WITHIN:
            return _(
                "Plan %(plan)s encrypts to key %(key)s, which last opened a backup %(ago)s.",
                plan=plan.name,
                key=name,
                ago=ago(now - proven[key]),
            )
    if len(keys) == 1:
        return _(
            "Plan %(plan)s encrypts to one key only: who loses it loses every backup.",
            plan=plan.name,
        )
    return None
