"""Entry point of ``python -m mmkd.doctor``."""

import sys

from mmkd.doctor.cli import main

sys.exit(main())
