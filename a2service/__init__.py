"""The A2 audience service: settings, addresses and the way in."""

__version__ = "0.1.0"
