"""Rules of retention and of drills in the reader's words."""

from __future__ import annotations

from django.template.defaultfilters import filesizeformat
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from trustbackup.policy.plan import DrillRule
from trustbackup.policy.retention import RetentionPolicy


def keeps(policy: RetentionPolicy | None) -> str:
    """ "the last 3, 7 daily, 12 monthly", or that nothing is ever deleted."""
    if policy is None or not policy.deletes:
        found = [pgettext("retention", "everything: nothing is deleted")]
    else:
        found = [_count(name, number) for name, number in policy.counts.items()]
        if policy.days:
            text = ngettext("all of the last day", "all of the last %(number)d days", policy.days)
            found.append(text % {"number": policy.days})
    if policy is not None and policy.size_limit is not None:
        size = {"size": filesizeformat(policy.size_limit)}
        if policy.enforce_size:
            found.append(_("at most %(size)s, by deleting") % size)
        else:
            found.append(_("a warning from %(size)s on") % size)
    return ", ".join(found)


def _count(name: str, number: int) -> str:
    texts = {
        "last": ngettext("the last one", "the last %(number)d", number),
        "hourly": ngettext("%(number)d hourly one", "%(number)d hourly ones", number),
        "daily": ngettext("%(number)d daily one", "%(number)d daily ones", number),
        "weekly": ngettext("%(number)d weekly one", "%(number)d weekly ones", number),
        "monthly": ngettext("%(number)d monthly one", "%(number)d monthly ones", number),
        "yearly": ngettext("%(number)d yearly one", "%(number)d yearly ones", number),
    }
    return texts[name] % {"number": number}


def drills(rule: DrillRule) -> str:
    """ "after each 7 backups, at least every 7 days, from 22:00 to 05:00"."""
    found = []
    if rule.every:
        text = ngettext("after each backup", "after each %(number)d backups", rule.every)
        found.append(text % {"number": rule.every})
    if rule.days:
        text = ngettext("at least once a day", "at least every %(number)d days", rule.days)
        found.append(text % {"number": rule.days})
    if not found:
        return pgettext("drills", "by hand alone")
    if rule.window:
        begin, end = (time_format(at, "H:i") for at in rule.window)
        found.append(_("from %(begin)s to %(end)s") % {"begin": begin, "end": end})
    return ", ".join(found)
