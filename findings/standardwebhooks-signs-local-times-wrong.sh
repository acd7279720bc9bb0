#!/usr/bin/env bash
# standardwebhooks signs an aware local time as if it were UTC: every receiver refuses the message.
#
# standardwebhooks 1.1.0, tzdata 2025.2 (PyPI). Seen on 2026-11-29: sign() with one moment, in UTC and in
# Europe/Berlin, gives two signatures; only the first fits the "webhook-timestamp" (seconds since 1970) of that moment.
# sign() replaces the time's zone instead of converting it. Where the clock is that of UTC, as in CI, nobody notices.
# For backups: django.utils.timezone.localtime() as the time of an alert makes it a forged one. Pass UTC.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'standardwebhooks==1.1.0' 'tzdata==2025.2' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import base64
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook("whsec_" + base64.b64encode(b"a key of thirty-two bytes, or so").decode())
now = datetime.now(UTC)
seen = []
for moment in (now, now.astimezone(ZoneInfo("Europe/Berlin"))):
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": webhook.sign("msg_1", moment, '{"state": "failed"}'),
    }
    try:
        webhook.verify('{"state": "failed"}', headers)
        seen.append("accepted")
    except WebhookVerificationError as error:
        seen.append(str(error))
    print(moment.isoformat(), seen[-1])
sys.exit(seen != ["accepted", "No matching signature found"])
PY
