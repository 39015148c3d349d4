"""Entry point of ``python -m mmkd``."""

import sys
from contextlib import redirect_stdout

if sys.argv[1:2] == ["doctor"]:  # the doctor must start even if nothing else can be imported
    from mmkd.doctor import main

    sys.exit(main(sys.argv[2:]))

with redirect_stdout(sys.stderr):  # packages of the stack print when they are imported
    from mmkd.cli import command

command(prog_name="python -m mmkd", complete_var="_MMKD_COMPLETE")
