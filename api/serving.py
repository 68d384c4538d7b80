"""Serve the control plane in this process, until a signal ends it."""

from __future__ import annotations

import logging
from types import FrameType

import uvicorn

from api.app import create_app
from api.events import EventHub
from api.protocol import BoundedHttp
from api.settings import Settings


def run(settings: Settings) -> None:
    """Serve the API and the dashboard.

    Effects:
        Sets up logging, listens where the settings say, and returns after SIGINT or SIGTERM.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    served = create_app(settings)
    config = uvicorn.Config(
        served,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        access_log=False,
        timeout_graceful_shutdown=3,
        server_header=False,
        http=BoundedHttp,
        ws="none",
    )
    _Server(config, served.state.control.hub).run()


class _Server(uvicorn.Server):
    """Ends live streams as soon as it is told to end, instead of waiting for readers that never leave."""

    def __init__(self, config: uvicorn.Config, hub: EventHub) -> None:
        super().__init__(config)
        self._hub = hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        self._hub.close()
        super().handle_exit(sig, frame)
