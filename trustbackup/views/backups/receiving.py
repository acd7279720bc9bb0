"""Uploads as they arrive: from the request straight into a private folder.

Nothing is held in memory and no other temporary file is written. Under ASGI Django itself has
read the body into a temporary file before any view is asked; that one is not ours.
"""

from __future__ import annotations

import contextlib
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.utils.datastructures import MultiValueDict

from trustbackup.exceptions import TrustbackupError
from trustbackup.store.staging import ArrivingFile, StagingArea


class StagingHandler(FileUploadHandler):
    """Writes each file into an area; what stands in the way is kept in ``problem``."""

    chunk_size = 1 << 20

    def __init__(self, area: StagingArea) -> None:
        super().__init__()
        self.area = area
        self.problem: TrustbackupError | None = None
        self.interrupted = False
        self._open = contextlib.ExitStack()
        self._arriving: ArrivingFile | None = None

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        try:
            self._arriving = self._open.enter_context(self.area.receive(file_name))
        except TrustbackupError as error:
            self._stop(error)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        try:
            if self._arriving is not None:
                self._arriving.write(raw_data)
        except TrustbackupError as error:
            self._stop(error)

    def file_complete(self, file_size: int) -> None:
        try:
            self._open.close()
        except TrustbackupError as error:
            self._stop(error)

    def take_over(self, files: MultiValueDict[str, UploadedFile[bytes]]) -> None:
        """The same for files that another handler has received already."""
        with contextlib.suppress(StopUpload):
            for file in (file for _name, found in files.lists() for file in found):
                self.new_file("", file.name or "")
                for block in file.chunks(self.chunk_size):
                    self.receive_data_chunk(block, 0)
                self.file_complete(0)

    def upload_interrupted(self) -> None:
        self.interrupted = True

    def close(self) -> None:
        """Give up the file that did not come to its end, if there is one."""
        error = self.problem or TrustbackupError()
        with contextlib.suppress(TrustbackupError):
            self._open.__exit__(type(error), error, None)

    def _stop(self, error: TrustbackupError) -> None:
        """The rest is read and dropped: a browser shows no answer to what it still sends."""
        self.problem = error
        raise StopUpload(connection_reset=False)
