"""Starts the second process: `python -m spectron_adapters.demo PLAN`, with a `Plan` in JSON."""

import sys

try:
    from spectron_adapters.demo.reopened import main

    main(sys.argv[1])
except KeyboardInterrupt:  # the first process says so
    sys.exit(130)
