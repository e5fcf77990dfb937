"""`python -m vtg_jax` is `vtg`, also where no script is on the PATH."""

import sys

from vtg_jax.cli import main

sys.exit(main())
