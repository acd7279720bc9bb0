"""A copy whose delete died before its first file went is what it was before, and no better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.index import backup_folder
from tests.support.pruning import nas, nightly, plans
from trustbackup.models import Copy
from trustbackup.operations.offsite.delete import finish_deletes
from trustbackup.operations.offsite.remote import list_remote
from trustbackup.operations.offsite.targets import ref_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_case_r_a_copy_that_was_found_bad_is_not_good_after_a_delete_of_it_died(
    tmp_path: Path, settings: Any
) -> None:
    plans(settings, tmp_path / "backups", last=3)
    bad, good = nightly(backup_folder(tmp_path / "backups"), 2)
    place = nas(tmp_path / "nas")
    place.copy([bad, good])
    copies = Copy.objects.filter(identifier=bad)
    copies.update(problem="Its data is corrupt.")
    Copy.objects.update(state=Copy.State.DELETING)
    with ref_of(place.row).open() as destination:
        finish_deletes(destination, ref_of(place.row), list_remote(destination))
    states = dict(Copy.objects.values_list("identifier", "state"))
    assert states == {bad: Copy.State.FAILED, good: Copy.State.STORED}
    assert copies.get().problem == "Its data is corrupt."
