"""The demo's store puts the events of its buckets into its queue, in its own region."""

from typing import Final

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sqs.models import sqs_backends
from werkzeug.test import Client

from service.demo.store import QUEUE, prepare
from tests.protocols.arrivals.factories import parse

ACCOUNT: Final = "123456789012"


REGION: Final = "eu-west-1"


def test_an_upload_is_an_event_of_the_stores_region() -> None:
    moto, bucket = DomainDispatcherApplication(create_backend_app), "events"
    prepare(moto, [bucket], REGION)
    assert Client(moto).put(f"/{bucket}/a b+c", data=b"hello").status_code == 200
    found = sqs_backends[ACCOUNT][REGION].receive_message(QUEUE, 10, 0, 30)
    told = [record for each in found for record in parse(each.body).records]
    assert [(each.s3_bucket, each.key, each.size, each.region) for each in told] == [
        (bucket, "a b+c", 5, REGION)
    ]
