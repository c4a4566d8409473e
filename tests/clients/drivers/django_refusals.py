"""What the Django backend refuses: prints `what: status code`, line by line."""

import django_project  # noqa: F401 - sets Django up
from django.contrib.auth import get_user_model
from django.test import Client

FILE = {"name": "a.csv", "size": 1, "type": "text/csv"}
ann = get_user_model().objects.get(username="ann")


def tried(what: str, file: dict[str, object], browser: Client) -> None:
    answer = browser.post("/files/uploads", file)
    code = answer.json()["code"] if answer["content-type"] == "application/json" else "-"
    print(f"{what}: {answer.status_code} {code}")


signed_in, forging = Client(), Client(enforce_csrf_checks=True)
signed_in.force_login(ann)
forging.force_login(ann)
tried("a stranger", FILE, Client())
tried("a forged request", FILE, forging)
tried("no size", {"name": "a.csv"}, signed_in)
tried("too large", {**FILE, "size": 2**30}, signed_in)
tried("no key", {**FILE, "name": "../a.csv"}, signed_in)
print(f"a GET: {signed_in.get('/files/../../1/a.csv').status_code}")
