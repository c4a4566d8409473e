"""Makes a release: `make release` builds what is published, `make version` begins it.

version.py and changes.py write the version and the changelog; packages.py, chart.py and image.py
build from a committed source, bit for bit reproducibly. docs/release.md says who does what.
"""
