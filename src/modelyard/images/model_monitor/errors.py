"""How an analysis can end without a result."""

from __future__ import annotations


class ClientError(Exception):
    """What the job's owner can put right: settings, data, scripts."""


class NoDataError(ClientError):
    """There was nothing to analyse; the message says where and when."""
