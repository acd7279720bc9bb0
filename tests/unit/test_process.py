"""Programs: argument lists, exit codes, time limits, the whole group, no secrets."""

from __future__ import annotations

import os
import signal
import sys
import time
from io import BytesIO
from pathlib import Path

import pytest

from tests.support.backups import wait_for
from tests.support.processes import descendants, is_alive
from trustbackup.databases.feeder import Feeder
from trustbackup.databases.process import Program, output_of
from trustbackup.exceptions import ProgramError


def python(script: str) -> list[str]:
    return [sys.executable, "-Ssc", script]


def test_arguments_are_literal() -> None:
    odd = ["a b", "$(ls)", "`ls`", "'\"", "*", "", "-x", "ö\n"]
    said = output_of([*python("import sys; print(sys.argv[1:])"), *odd])
    assert said.strip() == str(odd)


def test_the_end_of_the_stream_tells_of_a_failure() -> None:
    script = "print('half of it'); import sys; sys.exit('error: the disk broke')"
    with Program(python(script)) as program:
        assert program.read(100) == b"half of it\n"
        with pytest.raises(ProgramError, match="error: the disk broke"):
            program.read(100)


def test_a_death_by_a_signal_is_named() -> None:
    with (
        Program(python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")) as program,
        pytest.raises(ProgramError, match="killed by signal SIGKILL"),
    ):
        program.read(100)


def test_the_first_error_is_told_not_the_last_lines() -> None:
    script = (
        "import sys; print('warning: odd', 'x: error: the cause', *'abcdefg', sep='\\n',"
        " file=sys.stderr); sys.exit(1)"
    )
    with pytest.raises(ProgramError, match="failed: x: error: the cause a b"):
        output_of(python(script))


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProgramError, match=r"nosuch could not be started: No such file"):
        output_of(["/no/such/nosuch"])


def test_secrets_are_blacked_out_of_what_it_says() -> None:
    script = "import sys; sys.exit('error: password canary is wrong')"
    with pytest.raises(ProgramError) as caught:
        output_of(python(script), secrets=["canary", ""])
    assert "canary" not in str(caught.value)
    assert "***" in str(caught.value)


def test_a_program_that_takes_too_long_is_killed_with_its_children() -> None:
    script = "import subprocess; subprocess.run(['sleep', '600'])"
    began = time.monotonic()
    children: dict[int, str] = {}

    def begun() -> bool:
        children.update(descendants(program.pid))
        return any("sleep 600" in line for line in children.values())

    # On a busy machine an interpreter takes seconds to begin: then once more, with more time.
    for limit in (1, 5, 60):
        with Program(python(script), timeout=limit) as program:
            wait_for(lambda: begun() or not is_alive(program.pid))
            with pytest.raises(ProgramError, match="not done after"):
                program.read(100)
        if any("sleep 600" in line for line in children.values()):
            break
    else:
        pytest.fail("it was killed before it had begun")
    assert time.monotonic() - began < 300
    wait_for(lambda: not any(is_alive(pid) for pid in children))


def test_one_that_nobody_wants_any_more_is_ended_with_its_children() -> None:
    with Program(python("import subprocess; subprocess.run(['sleep', '600'])")) as program:
        wait_for(lambda: any("sleep" in line for line in descendants(program.pid).values()))
        children = [program.pid, *descendants(program.pid)]
    wait_for(lambda: not any(is_alive(pid) for pid in children))


def test_one_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustbackup.databases.process._GRACE", 0.3)
    script = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.write(1, b'ready\\n'); time.sleep(600)"
    )
    with Program(python(script)) as program:
        assert program.read(6) == b"ready\n"
    assert not is_alive(program.pid)


def test_a_talkative_program_does_not_block_and_little_is_kept() -> None:
    script = "import os, sys; sys.stderr.write('x' * 3_000_000); os.write(1, b'done\\n')"
    with Program(python(script)) as program:
        assert program.read(100) == b"done\n"
        assert program.read(100) == b""
        assert len(program.complaint) <= 16 << 10


def test_it_does_not_read_our_standard_input() -> None:
    assert output_of(python("import sys; print(repr(sys.stdin.read()))")) == "''\n"


def test_no_descriptor_of_ours_is_inherited(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003
        said = output_of(python("import os; print(os.listdir('/proc/self/fd'))"))
    assert str(file.name) not in said
    assert len(said.split(",")) <= 4


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with Feeder(BytesIO(b"x" * 10_000_000)) as feeder:
        assert output_of(["head", "-c", "3"], stdin=feeder.read_end) == "xxx"


def test_a_source_that_fails_comes_out_at_the_end() -> None:
    class Failing:
        def read(self, size: int = -1, /) -> bytes:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Feeder(Failing()) as feeder:
        assert output_of(["cat"], stdin=feeder.read_end) == ""


def test_sigterm_of_the_group_ends_it() -> None:
    with Program(python("import time; time.sleep(600)")) as program:
        assert os.getpgid(program.pid) == program.pid
        os.killpg(program.pid, signal.SIGTERM)
        with pytest.raises(ProgramError, match="SIGTERM"):
            program.read(10)


def test_what_a_stalled_program_wrote_is_handed_on() -> None:
    script = "import os, time; os.write(1, b'x' * 1000); time.sleep(600)"
    with Program([sys.executable, "-c", script]) as program:
        assert program.read(1 << 20) == b"x" * 1000


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no batch jobs")
def test_it_is_a_batch_job_of_our_session_in_a_group_of_its_own() -> None:
    with Program(["sleep", "60"]) as program:
        assert os.sched_getscheduler(program.pid) == os.SCHED_BATCH
        assert os.getsid(program.pid) == os.getsid(0)
        assert os.getpgid(program.pid) == program.pid
