"""Read an object as a stream; a connection that is cut goes on where it ended."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from urllib3.exceptions import HTTPError

from trustbackup.destinations.http_limits import REQUEST_SECONDS, SLOWEST
from trustbackup.destinations.s3.client import TRIES, Client
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.s3.errors import no_s3, to_destination_error
from trustbackup.phrases import gettext as _

if TYPE_CHECKING:
    from typing_extensions import Buffer


class ObjectReader(io.RawIOBase):
    """The bytes of one object, in order. Reading raises DestinationError."""

    def __init__(self, client: Client, target: dict[str, str], config: S3Config, what: str) -> None:
        self._client = client
        self._target = target
        self._config = config
        self._what = what
        self._position = 0
        self._cuts = 0
        with to_destination_error(what, config):
            answer = client.get_object(**target)
        self._body: Any = answer["Body"]
        if "ContentLength" not in answer or "ETag" not in answer:
            self._drop()
            raise no_s3(what)
        self._size = int(answer["ContentLength"])
        # Another object of that name, put there meanwhile, must not become the second half.
        self._etag = answer["ETag"]
        # It may come a byte at a time, for ever.
        self._timer = threading.Timer(REQUEST_SECONDS + self._size / SLOWEST, client.limits.abort)
        self._timer.daemon = True
        self._timer.start()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        wanted = min(len(memoryview(buffer)), self._size - self._position)
        if not wanted:
            return 0
        with to_destination_error(self._what, self._config):
            data = self._read(wanted)
        memoryview(buffer)[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _read(self, wanted: int) -> bytes:
        while True:
            try:
                if self._body is None:
                    self._body = self._ask_for_the_rest()
                data: bytes = self._body.read(wanted)
                if not data:
                    # Ended early, without an error: taken for what it is, a cut.
                    self._body.read()
                    raise EOFError
            except (BotoCoreError, HTTPError, EOFError, OSError) as error:
                self._drop()
                self._cuts += 1
                if self._cuts >= TRIES:
                    raise _cut(error) from error
            else:
                self._cuts = 0
                return data

    def _ask_for_the_rest(self) -> Any:  # noqa: ANN401 - boto3's stream
        answer = self._client.get_object(
            **self._target, Range=f"bytes={self._position}-", IfMatch=self._etag
        )
        # Some answer 200 with the range (rclone), some with the whole object.
        is_range = str(answer.get("ContentRange", "")).startswith(f"bytes {self._position}-")
        if answer["ResponseMetadata"]["HTTPStatusCode"] != 206 and self._position and not is_range:
            answer["Body"].close()
            raise ClientError(
                {"Error": {"Code": "InvalidRange", "Message": "it does not send a range"}},
                _("GetObject"),
            )
        return answer["Body"]

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def close(self) -> None:
        if not self.closed:
            self._timer.cancel()
            self._drop()
        super().close()


def _cut(error: BaseException) -> BotoCoreError:
    return error if isinstance(error, BotoCoreError) else HTTPClientError(error=error)
