"""Runs behind Django's Tasks interface.

The embedded default starts a detached process for each run, which outlives the web worker
that asked for it and needs no broker. A site that has workers names a backend of theirs:
``TASKS = {"trustbackup": {"BACKEND": "django_tasks_db.DatabaseBackend"}}``.
https://docs.djangoproject.com/en/6.0/topics/tasks/

A task asks its backend already when it is made. Ours is made when it is needed, so that what
the site's TASKS lack or have amiss stops a run, and no page.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings
from django.db import DatabaseError

from trustbackup.conf import get_settings
from trustbackup.databases.process import start_detached
from trustbackup.exceptions import ConfigurationError, TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.runs.interpreter import find_interpreter
from trustbackup.runs.liveness import handing_over

if TYPE_CHECKING or django.VERSION >= (6, 0):
    from django.tasks import Task, TaskResult, TaskResultStatus, task, task_backends
    from django.tasks.backends.base import BaseTaskBackend
else:
    from django_tasks import TaskResult, TaskResultStatus, task, task_backends
    from django_tasks.backends.base import BaseTaskBackend
    from django_tasks.base import Task

ALIAS = "trustbackup"


class DetachedBackend(BaseTaskBackend):
    """Each task in a process of its own; carries trustbackup's runs only."""

    on_end: Callable[[int], object] = staticmethod(lambda _code: None)
    """Called in a thread when a carrier has ended, with its exit code."""

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:  # noqa: ANN401
        """Raises ProgramError when no process can be started."""
        (run,) = args
        _start_process(run, self.on_end)
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


def _start_process(run: str, on_end: Callable[[int], object]) -> None:
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
    argv = [find_interpreter(), "-m", "django", "carry_run", run]
    with handing_over(get_settings().backup_dir, uuid.UUID(run)) as (lock, output):
        start_detached(argv, env, _working_folder(), output=output, inherited=[lock], on_end=on_end)


def _working_folder() -> str:
    """Where we are; a folder that was deleted since, or is closed to us, stops no run."""
    try:
        return str(Path.cwd())
    except OSError:
        return "/"


def _carry_run(run: str) -> None:
    """Carry the run of this id to its end."""
    from trustbackup.runs.execute import execute

    execute(uuid.UUID(run))


_carry_run.__qualname__ = _carry_run.__name__ = "carry_run"
# A worker imports what a task's function is called, and wants the task.


def __getattr__(name: str) -> Task[[str], None]:
    """The task ``carry_run``, of the backend ``trustbackup``."""
    if name != "carry_run":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    queues = task_backends[ALIAS].queues
    queue = min(queues) if queues and "default" not in queues else "default"
    made: Task[[str], None] = task(backend=ALIAS, queue_name=queue)(_carry_run)
    return made


def is_configured() -> bool:
    """Whether the site names who carries the runs."""
    return ALIAS in (getattr(settings, "TASKS", None) or {})


def is_detached() -> bool:
    """Whether each run is a process of its own on this host, rather than a worker's."""
    return not is_configured() or isinstance(task_backends[ALIAS], DetachedBackend)


def load_task() -> Task[[str], None]:
    """The task that the site's backend takes. Raises ConfigurationError when it has none."""
    try:
        return __getattr__("carry_run")
    except Exception as error:  # a backend is the site's, and raises what it likes
        raise ConfigurationError(
            _("TASKS['trustbackup'] can't be used"),
            why=str(error) or type(error).__name__,
            todo=_("Correct it, or leave it out: then each run is a process of its own."),
        ) from error


def enqueue(run: uuid.UUID, on_end: Callable[[int], object]) -> None:
    """Let somebody carry a run. Raises ProgramError, ConfigurationError, FolderError.

    ``on_end`` gets the exit code of a process that was started for it, if we live as long.
    """
    if not is_configured():
        _start_process(str(run), on_end)
        return
    carry_run = load_task()
    backend = task_backends[ALIAS]
    if isinstance(backend, DetachedBackend):
        backend.on_end = on_end
    try:
        backend.enqueue(carry_run, [str(run)], {})
    except (DatabaseError, TrustbackupError):
        raise
    except Exception as error:  # the queue's own: a broker that does not answer, say
        raise ConfigurationError(
            _("The run was not started"),
            why=_(
                "the backend of TASKS['trustbackup'] did not take it: %(error)s",
                error=str(error) or type(error).__name__,
            ),
            todo=_("See that its queue and its workers are up, and try again."),
        ) from error
