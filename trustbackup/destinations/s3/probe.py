"""The steps of an S3 destination's connection test."""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from functools import cached_property
from urllib.parse import urlsplit

from trustbackup.destinations import network
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.connection_test import SAMPLE, Try, sample_name
from trustbackup.destinations.s3 import requests
from trustbackup.destinations.s3.client import Client, new_client
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.s3.errors import no_lock, to_destination_error
from trustbackup.destinations.s3.promises import must_be_kept
from trustbackup.phrases import gettext as _


class S3Probe:
    """On a connection of its own, which does not try again: the answer is wanted now."""

    def __init__(self, config: S3Config) -> None:
        self.config = config
        self.sample = sample_name()
        self.is_written = False

    def steps(self) -> list[Try]:
        lock: list[Try] = [("object lock", self.ask_for_lock)] if self.config.lock_mode else []
        return [
            ("settings", self.prepare),
            ("name", self.find),
            ("connection", self.connect),
            ("sign-in", self.sign_in),
            *lock,
            ("write", self.write),
            ("read back", self.read_back),
            ("delete", self.delete),
        ]

    @cached_property
    def client(self) -> Client:
        with to_destination_error(
            _("%(address)s was not opened", address=self.config.address), self.config
        ):
            return new_client(self.config, patient=False)

    @property
    def server(self) -> tuple[str, int]:
        parts = urlsplit(self.client.meta.endpoint_url)
        return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)

    def prepare(self) -> str:
        return str(self.client.meta.endpoint_url)

    @cached_property
    def found(self) -> list[network.Endpoint]:
        timeout, allowed_hosts = self.config.connect_timeout, self.config.allowed_hosts
        return network.endpoints(*self.server, timeout=timeout, allowed_hosts=allowed_hosts)

    def find(self) -> str:
        return ", ".join(dict.fromkeys(str(item.sockaddr[0]) for item in self.found))

    def connect(self) -> str:
        timeout, (host, port) = self.config.connect_timeout, self.server
        network.connect(*self.server, self.found, timeout=timeout).close()
        return _("%(host)s, port %(port)d", host=host, port=port)

    def sign_in(self) -> None:
        requests.sign_in(self.client, self.config)

    def ask_for_lock(self) -> None:
        # A server that knows no locks takes the request to lock, and does nothing; some answer
        # this question with an empty yes.
        what = _("Copies can't be locked in %(address)s", address=self.config.address)
        with to_destination_error(what, self.config):
            answer = self.client.get_object_lock_configuration(Bucket=self.config.bucket)
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise no_lock(what)

    def write(self) -> None:
        md5 = hashlib.md5(SAMPLE, usedforsecurity=False).digest()
        what = _("A test file was not written to %(address)s", address=self.config.address)
        with to_destination_error(what, self.config):
            self.is_written = True
            self.client.put_object(
                **self.config.target(self.sample),
                **self.config.options(),
                Body=SAMPLE,
                ContentMD5=base64.b64encode(md5).decode(),
            )
            head = self.client.head_object(**self.config.target(self.sample))
        must_be_kept(head, self.config, what)

    def read_back(self) -> None:
        what = _("The test file was not read back from %(address)s", address=self.config.address)
        with to_destination_error(what, self.config):
            answer = self.client.get_object(**self.config.target(self.sample))
            with answer["Body"] as body:
                content = body.read(len(SAMPLE) + 1)
        if content != SAMPLE:
            raise DestinationError(
                what, why=_("it has another content"), todo=_("Check the server."), permanent=True
            )

    def delete(self) -> None:
        self.is_written = False
        requests.delete(self.client, self.config, self.sample)

    def clean_up(self) -> None:
        if self.is_written:
            with suppress(DestinationError):
                self.delete()
        if "client" in self.__dict__:
            self.client.close()
            self.client.limits.close()

    def abort(self) -> None:
        """Cut the connections, from another thread."""
        if "client" in self.__dict__:
            self.client.limits.abort()
