"""Copies at an SFTP server.

    config.py       what it is told               host_keys.py   whom servers are known by
    connection.py   connect, host key, sign in    keys.py        private keys
    remote.py       the folder there              session.py     large files over SFTP
    upload.py       one file's way there          reader.py      and back
    probe.py        the connection test           errors.py      one sentence for each failure
    flow.py         sockets and buffers           digest.py      a file, hashed there

config.py and host_keys.py load nothing; the others load paramiko.
"""

from __future__ import annotations
