"""The words of what has pages of its own, put together for the audit trail."""

from __future__ import annotations

from trustbackup.views.key_words import KEY_ACTIONS
from trustbackup.views.notification_words import NOTIFICATION_ACTIONS
from trustbackup.views.plan_words import PLAN_ACTIONS
from trustbackup.views.token_words import TOKEN_ACTIONS

OTHER_ACTIONS = PLAN_ACTIONS | NOTIFICATION_ACTIONS | TOKEN_ACTIONS | KEY_ACTIONS
