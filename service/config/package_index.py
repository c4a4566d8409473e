"""The settings of Python package indexes."""

from service.config.roots import RootSettings


class PackageIndexSettings(RootSettings):
    """Python [package indexes](package-index.md) at `/simple/{name}/`, by name: each project is in
    a directory with its normalized name. The first index takes effect after a restart.
    """
