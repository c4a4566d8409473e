"""presign hands out pre-signed S3 requests.

The map of the house, from the ground up. Imports go down only; `make check` keeps it so.

    errors        what can go wrong, in the domain's words
    metrics, logs, tracing   what is counted and logged, and for which request
    signing/      SigV4: strings in, strings out (pure)
    endpoints     bucket -> scheme, host, path, region; botocore decides, once, at start
    access/       who may ask for what (deciding is pure)
    issuers/      who vouches for callers: their keys, fetched and kept fresh
    sessions/     who signs: the assumed role, refreshed before it ends (deciding is pure)
    rate_limits   how many URLs a caller may ask for
    lifetime, asks, answers, snapshot   how long, what for, what is given, and by which configuration (pure)
    audit, trail  what is written down of each request, before it is answered
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
    server/       HTTP/1.1 on uvicorn, with deadlines and bounds
    settings      the only reader of the environment and of the configuration file
    parts         what the settings mean to the parts, which never see them
    running, reload   the parts that stand, and how they are replaced
    revocation, suspects, kill_switch, abandoned   what an operator's commands do
    app           the composition root
    commands      serve, demo, check, uploads, revoke, diagnose, new-key
    __main__      `presign`: imports everything, at little cost
"""

__version__ = "0.1.0"
