"""Commands without the wait for an interpreter: forked from a process that has imported much.

`manage.py` needs a third of a second of the processor before it does anything, and a tenth to
end, and the tests run thousands of commands. So each worker has a process that has imported Django
and the SDKs, but no settings and no app, and its child, which has loaded the web shop's apps and
our modules, too (`server`, `warm`). They fork a child for each command that `client` asks for,
which is a process like any other (`forked`): its own session, environment, folder, umask and
pipes; it reads its settings anew, begins without apps where its own may be others, and ends as an
interpreter ends (`ending`).
"""
