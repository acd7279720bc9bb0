"""Case G3: commands that a Celery worker calls, in its gevent and its prefork pool."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.backups import listed, wait_for
from tests.support.field.served import running
from tests.support.sites import CHECKOUT, Site, finish

pytestmark = pytest.mark.field

APP = """
import os
from celery import Celery
app = Celery("shop", broker="filesystem://")
folder = os.environ["BROKER_FOLDER"]
app.conf.broker_transport_options = {
    "data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + "-control",
}
@app.task
def call(*arguments):
    import django
    django.setup()
    from django.core.management import call_command
    call_command(*arguments)
"""
SEND = "from shop_celery import call; [call.delay(*each.split()) for each in {!r}]"


@pytest.mark.parametrize("pool", ["gevent", "prefork"])
def test_case_g3_a_celery_worker_makes_and_drills_backups(
    any_site: Site, pool: str, tmp_path: Path
) -> None:
    (any_site.home / "shop_celery.py").write_text(APP)
    broker = tmp_path / "broker"
    for folder in (broker, Path(f"{broker}-control")):
        folder.mkdir()
    environment = any_site.environment(
        PYTHONPATH=f"{any_site.home}:{CHECKOUT}",
        PYTHONWARNINGS="ignore",
        BROKER_FOLDER=str(broker),
    )
    worker = [
        *(sys.executable, "-m", "celery", "-A", "shop_celery", "worker", "--pool", pool),
        *("--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO"),
    ]

    def send(*commands: str) -> None:
        code = SEND.format(commands)
        sender = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=any_site.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        result = finish(sender)
        assert result.returncode == 0, str(result)

    log = tmp_path / "worker" / "celery.log"

    def is_ready() -> bool:
        return " ready." in log.read_text()

    with running(log.parent, "celery", worker, port=0, environment=environment, answers=is_ready):
        send("create_backup --content")
        wait_for(lambda: any_site.backups.is_dir() and listed(any_site), seconds=200)
        send("verify_backup latest --restore")
        wait_for(lambda: listed(any_site)[0]["drilled"], seconds=200)
    assert listed(any_site)[0]["drilled"]["ok"], log.read_text()
