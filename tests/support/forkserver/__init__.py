"""Commands without the wait for an interpreter: forked from a process that has imported much.

`manage.py` needs a quarter of a second before it does anything, and the tests run thousands of
commands. So each worker has one process that has imported Django and the SDKs, but no settings
and no app (`server`). It forks a child for each command that `client` asks for, which is a
process like any other: its own session, environment, folder, umask and pipes; it reads settings
and apps anew, and ends as an interpreter ends.
"""
