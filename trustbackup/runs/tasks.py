"""Runs behind Django's Tasks interface.

The embedded default starts a detached process for each run, which outlives the web worker
that asked for it and needs no broker. A site that has workers names a backend of theirs:
``TASKS = {"trustbackup": {"BACKEND": "django_tasks_db.DatabaseBackend"}}``.
https://docs.djangoproject.com/en/6.0/topics/tasks/
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings

from trustbackup.databases.process import start_detached
from trustbackup.exceptions import ConfigurationError
from trustbackup.phrases import gettext as _

if TYPE_CHECKING or django.VERSION >= (6, 0):
    from django.tasks import TaskResult, TaskResultStatus, task, task_backends
    from django.tasks.backends.base import BaseTaskBackend
else:
    from django_tasks import TaskResult, TaskResultStatus, task, task_backends
    from django_tasks.backends.base import BaseTaskBackend

ALIAS = "trustbackup"


class DetachedBackend(BaseTaskBackend):
    """Each task in a process of its own; carries trustbackup's runs only."""

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:  # noqa: ANN401
        """Raises ProgramError when no process can be started."""
        (run,) = args
        module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
        if not module:
            raise ConfigurationError(
                _("The run was not started"),
                why=_(
                    "%(variable)s is not set, so a new process would have no settings",
                    variable="DJANGO_SETTINGS_MODULE",
                ),
                todo=_("Set it, as manage.py and wsgi.py do."),
            )
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        start_detached([sys.executable, "-m", "django", "carry_run", run], env, str(Path.cwd()))
        return TaskResult(
            task=task,
            id=str(uuid.uuid4()),
            status=TaskResultStatus.READY,
            enqueued_at=None,
            started_at=None,
            finished_at=None,
            last_attempted_at=None,
            args=[run],
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )


@task()
def carry_run(run: str) -> None:
    """Carry the run of this id to its end."""
    from trustbackup.runs.engine import carry

    carry(uuid.UUID(run))


def hand_over(run: uuid.UUID) -> None:
    """Let somebody carry a run. Raises ProgramError, ConfigurationError."""
    configured = ALIAS in getattr(settings, "TASKS", {})
    backend = task_backends[ALIAS] if configured else DetachedBackend(ALIAS, {})
    backend.enqueue(carry_run, [str(run)], {})
