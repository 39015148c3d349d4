"""Entry point of ``python -m mmkd``."""

import sys

if sys.argv[1:2] == ["doctor"]:  # the doctor must start even if nothing else can be imported
    from mmkd.doctor import main

    sys.exit(main(sys.argv[2:]))

from mmkd.cli import command

command(prog_name="python -m mmkd", complete_var="_MMKD_COMPLETE")
