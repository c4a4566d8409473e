"""Object URLs: one address for each object."""

from typing import Final

from service.protocols.objects.check import CHECK
from service.protocols.objects.routes import FEATURE, ObjectUrls, router
from service.protocols.objects.settings import ObjectUrlSettings, values
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    section="objects",
    settings=ObjectUrlSettings,
    values=values,
    use_case=lambda core, values: ObjectUrls(values, core.listings),
    routers=(router,),
    feature=FEATURE,
    check=CHECK,
)
