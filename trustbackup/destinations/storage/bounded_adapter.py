"""How a session of ``requests`` connects and reads, with an end to each exchange."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from trustbackup.destinations.http_limits import Limits

Query = dict[str, list[str]]


class BoundedAdapter(HTTPAdapter):
    """``is_object`` tells by a request's method and query whether it asks for an object."""

    def __init__(
        self,
        limits: Limits,
        is_object: Callable[[str, Query], bool],
        replaced: Any,  # noqa: ANN401 - what get_adapter() gives
    ) -> None:
        self._limits, self._is_object = limits, is_object
        # Who tries again, and how often, is as the service's library wants it.
        super().__init__(max_retries=replaced.max_retries)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        manager = super().proxy_manager_for(*args, **kwargs)
        self._watch(manager)
        return manager

    def _watch(self, manager: Any) -> None:  # noqa: ANN401 - urllib3's PoolManager
        limits = self._limits

        class Watched:
            response_class = limits.response_class()

            def _new_conn(self) -> socket.socket:
                connection: socket.socket = super()._new_conn()  # type: ignore[misc]
                limits.watch(connection)
                return connection

        plain = type("Plain", (Watched, HTTPConnection), {})
        secure = type("Secure", (Watched, HTTPSConnection), {})
        manager.pool_classes_by_scheme = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401
        self._limits.must_not_be_over()
        query = parse_qs(urlsplit(request.url or "").query, keep_blank_values=True)
        is_object = self._is_object(request.method or "", query)
        self._limits.expect(an_object=is_object)
        with self._limits.timed(int(request.headers.get("Content-Length", 0))):
            response = super().send(request, *args, **kwargs)
            if not is_object:
                # Read here, where it has an end; it is kept for whoever asks for it.
                _ = response.content
        return response
