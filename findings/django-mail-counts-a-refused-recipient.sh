#!/usr/bin/env bash
# Django's send_mail() says 1, sent, when the mail server refuses one of two recipients; nothing tells of him.
#
# Django 5.2.9, aiosmtpd 1.4.6 as the server (PyPI). Seen on 2026-11-29: the server answers 550 for gone@, takes the
# message for here@, and send_mail(fail_silently=False) returns 1 and logs nothing: smtplib returns the refused ones,
# which the SMTP backend drops. Only when all are refused is there an SMTPRecipientsRefused.
# For backups: the operator whose address went stale gets no alert, and "alert sent" is recorded.
# One message for each recipient tells.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'django==5.2.9' 'aiosmtpd==1.4.6' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import smtplib
import socket
import sys

from aiosmtpd.controller import Controller
from django.conf import settings
from django.core.mail import send_mail

delivered = []


class Server:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        delivered.append(envelope.rcpt_tos)
        return "250 OK"


with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
controller = Controller(Server(), hostname="127.0.0.1", port=port)
controller.start()
settings.configure(EMAIL_HOST="127.0.0.1", EMAIL_PORT=port)
message = ("Backup failed", "The disk is full.", "shop@example.com")
try:
    sent = send_mail(*message, ["gone@example.com", "here@example.com"])
    print("two recipients, one refused: returns", sent, "- delivered to", delivered)
    try:
        alone = str(send_mail(*message, ["gone@example.com"]))
    except smtplib.SMTPRecipientsRefused as error:
        alone = type(error).__name__
    print("the refused one alone:", alone)
finally:
    controller.stop()
sys.exit((sent, delivered, alone) != (1, [["here@example.com"]], "SMTPRecipientsRefused"))
PY
