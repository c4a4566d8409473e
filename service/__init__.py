"""presign hands out pre-signed S3 requests.

Each folder is a room, cut by its reason to change. Imports go down only:

    cli                               the commands: serve, check, init, iam, revoke and others
    operations  demo  aws_lambda      what operators do; a fake store; the app as a Lambda
    app                               composition: build, run, reload
    api  protocols  console  server   the JSON API, other programs' protocols, the page, HTTP/1.1
    multipart  diagnosis              large uploads; why a signed request failed
    presigning                        the main use case: authorize, sign, audit
    s3  config                        where a bucket is, and the calls to it; what operators write
    sessions                          the assumed role, refreshed before it ends
    auth                              who calls
    access  telemetry                 what a caller may do; metrics, logs, traces
    signing                           AWS's signature (pure)
    concurrency  errors  clock  field_names

docs/architecture.md follows a request through them, and answers "where do I change…".
"""

__version__ = "0.1.0"
