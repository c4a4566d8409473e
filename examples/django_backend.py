"""Django views for users who upload files and download their own. No bytes pass through Django.

Copy the file into your project, and add to its `urls.py`:

    path("files/", include("django_backend"))

It needs presign-client and these variables: `PRESIGN_URL`, `PRESIGN_TOKEN` and `BUCKET`. The token
needs `upload` and `download` below `uploads/`.
"""

import os
from collections.abc import Callable
from functools import wraps
from uuid import uuid4

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from presign_client import Presign, PresignError

BUCKET = os.environ["BUCKET"]
OF_THE_USER = {"limit_exceeded", "invalid_request"}  # what the user can correct

presign = Presign()  # PRESIGN_URL and PRESIGN_TOKEN; threads share it


def for_users(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Require a login, and answer what presign refuses."""

    @wraps(view)
    def answer(request: HttpRequest, **names: str) -> HttpResponse:
        try:
            return view(request, f"uploads/{request.user.pk}/", **names)
        except PresignError as error:
            detail = " ".join(each.detail for each in error.errors) or error.detail
            status = 400 if error.code in OF_THE_USER else 503
            return JsonResponse({"code": error.code, "detail": detail}, status=status)

    view_of_users: Callable[..., HttpResponse] = login_required(answer)
    return view_of_users


def upload(request: HttpRequest, prefix: str) -> HttpResponse:
    """Return the request that the browser sends to the store."""
    try:
        name, size = f"{uuid4()}/{request.POST['name']}", int(request.POST["size"])
    except (KeyError, ValueError):
        detail = "Send the file's name and its size in bytes."
        return JsonResponse({"code": "invalid_request", "detail": detail}, status=400)
    content_type = request.POST.get("type") or "application/octet-stream"
    signed = presign.upload_url(BUCKET, prefix + name, size, content_type=content_type)
    return JsonResponse(
        {"name": name, "method": signed.method, "url": signed.url, "headers": dict(signed.headers)}
    )


def download(_: HttpRequest, prefix: str, name: str) -> HttpResponse:
    filename = name.rpartition("/")[2]  # the browser saves the file, and does not run it
    signed = presign.download_url(BUCKET, prefix + name, filename=filename, expires_in=60)
    return HttpResponseRedirect(signed.url)


urlpatterns = [
    path("uploads", require_POST(for_users(upload))),
    path("<path:name>", require_GET(for_users(download))),
]
