"""A user of the project of docs/guides/python-backend.md sends a file, and reads it."""

import django_project  # noqa: F401 - makes the project and its user
import httpx
from django.contrib.auth import get_user_model
from django.test import Client

body = b"name,amount\n"
browser = Client()
browser.force_login(get_user_model().objects.get(username="ann"))
file = {"name": "q3.csv", "size": len(body), "type": "text/csv"}
signed = browser.post("/files/uploads", file).json()
store = httpx.request(signed["method"], signed["url"], headers=signed["headers"], content=body)
store.raise_for_status()
print(httpx.get(browser.get(f"/files/{signed['name']}").url).text)
