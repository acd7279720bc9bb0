"""MariaDB through mysqlclient, which is compiled; all other tests of it speak through PyMySQL."""

from __future__ import annotations

import pytest

from tests.integration import test_mariadb_restore as by_pymysql
from tests.support.sites import Site

pytestmark = pytest.mark.field
DRIVER = "from django.db import connection; print(connection.Database._mysql.__name__)"


def test_the_whole_path_goes_through_the_compiled_driver(mariadb_site: Site) -> None:
    told = mariadb_site.manage("shell", "--no-imports", "-c", DRIVER)
    assert told.stdout == "MySQLdb._mysql\n"
    by_pymysql.test_rows_views_routines_triggers_and_events_come_back_and_an_undo_takes_them_back(
        mariadb_site
    )
