"""``python -m cairn`` is the command line ``cairn``."""

import sys

from cairn.cli import main

sys.exit(main())
