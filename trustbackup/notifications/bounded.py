"""Calling what knows no time limit of its own: a mail server that never answers, a library."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connections

from trustbackup.notifications.channel import NotificationError
from trustbackup.phrases import gettext as _


def within(seconds: float, call: Callable[[], object]) -> None:
    """Call it in a thread of its own, for which nobody waits longer than that.

    Raises what it raises, and NotificationError when it is not over by then.
    """
    errors: list[Exception] = []

    def work() -> None:
        try:
            call()
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work, name="trustbackup-notification", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise NotificationError(
            _("The message was not sent"),
            why=_("there was no answer within %(timeout)g seconds", timeout=seconds),
            todo=_("Look whether the service runs; it is tried again."),
        )
    if errors:
        raise errors[0]
