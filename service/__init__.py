"""presign hands out pre-signed S3 requests.

The map of the house, from the ground up. Imports go down only; `make check` keeps it so.

    errors        what can go wrong, in the domain's words
    signing/      SigV4: strings in, strings out (pure)
    endpoints     bucket -> scheme, host, path, region; botocore decides, once, at start
    access/       who may ask for what (deciding is pure)
    sessions/     who signs: the assumed role, refreshed before it ends (deciding is pure)
    store/        what the service itself asks of a store
    authority     what every call passes: rate, grant, session, lifetime, audit line
    presigner     requests, forms and batches, signed
    multipart     uploads in parts; completing: how they end
    unsized_uploads   those of which nobody says how long they are
    object_checks whether an object has arrived
    diagnosis/    why a signed request failed (pure)
    diagnoses     the same for a caller, with the session that signed
    api/          HTTP and nothing but HTTP
    compat/       other people's protocols, over the same use cases: Uppy's
    console/      a static page for people, off unless configured
    settings      the only reader of the environment and of the configuration file
    app           the composition root
    __main__      `presign`: imports everything, at little cost
    commands      serve, demo, check, uploads, revoke, diagnose, new-key
"""

__version__ = "0.1.0"
