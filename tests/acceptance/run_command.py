"""Run one `refine` command in this process, which was forked from one that had imported everything.

`arguments`, `said`, `errors` and `folder` come with the call (runpy): the command line, the files that take what it
says, and the working folder.
"""

import faulthandler
import os
import sys

given = globals()
for path, descriptor in ((given["said"], 1), (given["errors"], 2)):
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(opened, descriptor)
    os.close(opened)
sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
faulthandler.enable(sys.stderr)  # SIGABRT then says where it hangs
sys.argv = ["refine", *given["arguments"]]
os.chdir(given["folder"])

from refine.cli import main  # noqa: E402

main()
