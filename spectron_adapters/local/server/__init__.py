"""The engine over HTTP, as an ASGI application for any server.

Importing this loads no web server; only `serving` and `connections` import uvicorn.
"""

from spectron_adapters.local.server.asgi import SpectronApp
from spectron_adapters.local.server.settings import ServerSettings, app_from_env, create_app

__all__ = ["ServerSettings", "SpectronApp", "app_from_env", "create_app"]
