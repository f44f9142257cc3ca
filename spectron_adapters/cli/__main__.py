"""`python -m spectron_adapters.cli`."""

from spectron_adapters.cli import main

raise SystemExit(main())
