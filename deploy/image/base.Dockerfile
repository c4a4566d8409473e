# The base of the released image: one digest for all its architectures. docs/release.md says how to move it.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
