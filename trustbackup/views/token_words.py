"""What the audit trail does with tokens: a name, while it goes on, when done; and their scopes."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from trustbackup.models import AccessToken
from trustbackup.views.base import ADD, CHANGE, DELETE, DESTINATION, DOWNLOAD, PLAN, RESTORE, VIEW

TOKEN_ACTIONS: dict[str, tuple[Promise, Promise, Promise]] = {
    "make token": (
        pgettext_lazy("a run", "New token"),
        gettext_lazy("Making a token"),
        gettext_lazy("Made a token"),
    ),
    "revoke token": (
        pgettext_lazy("a run", "End of a token"),
        gettext_lazy("Revoking a token"),
        gettext_lazy("Revoked a token"),
    ),
    "link": (
        pgettext_lazy("a run", "Link"),
        gettext_lazy("Making a link"),
        gettext_lazy("Made a link"),
    ),
    "API call": (
        pgettext_lazy("a run", "Call by a program"),
        gettext_lazy("Answering a program"),
        gettext_lazy("Answered a program"),
    ),
}

SCOPES: dict[str, str | Promise] = {
    AccessToken.Scope.READ: gettext_lazy("read: see backups, runs and what a restore would do"),
    AccessToken.Scope.CREATE: gettext_lazy("create: back up, check, prove by a drill, copy"),
    AccessToken.Scope.DOWNLOAD: gettext_lazy("download: get the files of backups"),
    AccessToken.Scope.RESTORE: gettext_lazy("restore: go back to a backup, undo a restore"),
    AccessToken.Scope.MANAGE: gettext_lazy("manage: protect, delete, prune, test destinations"),
}
"""Each scope, as a form offers it."""

WORTH = {
    AccessToken.Scope.READ: (VIEW,),
    AccessToken.Scope.CREATE: (ADD, CHANGE),
    AccessToken.Scope.DOWNLOAD: (DOWNLOAD,),
    AccessToken.Scope.RESTORE: (RESTORE,),
    AccessToken.Scope.MANAGE: (CHANGE, DELETE, DESTINATION, PLAN),
}
"""A scope is worth something to an account that has one of these rights."""
