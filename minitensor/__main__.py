"""`python -m minitensor` is the command `minitensor`."""

import sys

from minitensor.cli import main

sys.exit(main())
