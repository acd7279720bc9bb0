#!/usr/bin/env bash
# paramiko's Transport cannot try a second way to sign in at an asyncssh server: the connection is closed.
#
# paramiko 5.1.0, asyncssh 2.24.1 (PyPI). Seen on 2026-11-29: after a refused key the right password ends in
# AuthenticationException "transport shut down or saw EOF". Transport asks for the service ssh-userauth anew for
# each try, and asyncssh hangs up at the second request. ServiceRequestingTransport asks once and gets in.
# For backups: key, then password or keyboard-interactive (NAS, MFA), is told as a wrong password.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'paramiko==5.1.0' 'asyncssh==2.24.1' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" - <<'PY'
import asyncio, logging, sys, threading
import asyncssh, paramiko

logging.disable()

class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):
        return False

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return password == "secret"

async def serve():
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    return await asyncssh.create_server(Server, "127.0.0.1", 0, server_host_keys=[host_key])

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
port = asyncio.run_coroutine_threadsafe(serve(), loop).result().get_port()
seen = []
for kind in paramiko.Transport, paramiko.ServiceRequestingTransport:
    transport = kind(("127.0.0.1", port))
    transport.start_client(timeout=30)
    try:
        transport.auth_publickey("backup", paramiko.RSAKey.generate(2048))
    except paramiko.AuthenticationException:
        pass
    try:
        transport.auth_password("backup", "secret")
        seen.append("in" if transport.is_authenticated() else "out")
    except paramiko.AuthenticationException as error:
        seen.append("refused")
        print(kind.__name__, error)
    transport.close()
    print(kind.__name__, seen[-1])
sys.exit(seen != ["refused", "in"])
PY
