"""An observer for tests of something else."""


class NullObserver:
    """Drops all that rooms report."""

    @staticmethod
    def _drop(*_: object, **__: object) -> None: ...

    refreshed = session = keys_fetched = _drop
    signed = refused = audit_failed = _drop
