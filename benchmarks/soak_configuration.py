"""The configuration of the soak: an ordinary caller, and those that abuse the service."""

from hashlib import sha256
from typing import Final

API_KEY: Final = "soak"

CONFIGURATION: Final = f"""
server: {{drain_seconds: 0, max_in_flight: 200, public_url: https://files.example.com}}
buckets:
  soak: {{region: eu-west-1, credentials: static}}
  no-sts: {{region: eu-west-1, role_arn: "arn:aws:iam::111122223333:role/soak", sts_endpoint_url: "HANGS"}}
  no-store: {{region: eu-west-1, credentials: static, endpoint_url: "HANGS"}}
  flood-sts: {{region: eu-west-1, role_arn: "arn:aws:iam::111122223333:role/soak", sts_endpoint_url: "FLOODS"}}
  flood-store: {{region: eu-west-1, credentials: static, endpoint_url: "FLOODS"}}
arrivals:
  hooks:
    floods: {{bucket: soak, prefix: f/, url: "FLOODS/hook", secret: whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD, events: [created]}}
callers:
  - api_key: refused
    sha256: [{sha256(b"refused").hexdigest()}]
    rate_limit: 1/minute
    grants: []
  - api_key: signing
    sha256: [{sha256(b"signing").hexdigest()}]
    rate_limit: 1/minute
    grants:
      - {{bucket: soak, prefix: s/, allow: [sign]}}
  - api_key: waiting
    sha256: [{sha256(b"waiting").hexdigest()}]
    grants:
      - {{bucket: no-sts, prefix: a/, allow: [download], max_expires_in: 900}}
      - {{bucket: no-store, prefix: a/, allow: [check], max_expires_in: 900}}
  - api_key: flooded
    sha256: [{sha256(b"flooded").hexdigest()}]
    rate_limit: 1000000/second
    grants:
      - {{bucket: flood-sts, prefix: a/, allow: [download], max_expires_in: 900}}
      - {{bucket: flood-store, prefix: a/, allow: [check], max_expires_in: 900}}
      - {{bucket: soak, prefix: f/, allow: [notify]}}
  - api_key: linking
    sha256: [{sha256(b"linking").hexdigest()}]
    grants: [{{bucket: soak, prefix: a/, allow: [download, link], max_link_expires_in: 31536000}}]
  - api_key: soak
    sha256: [{sha256(API_KEY.encode()).hexdigest()}]
    rate_limit: 100000000/second
    grants:
      - {{bucket: soak, prefix: a/, allow: [download, upload, form, head, delete, list],
         max_expires_in: 900, allow_overwrite: true}}
"""
