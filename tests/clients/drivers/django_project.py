"""A Django project with one user, whose `urls.py` is that of docs/guides/python-backend.md."""

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

settings.configure(
    SECRET_KEY="of-a-test",
    ROOT_URLCONF="urls",
    LOGIN_URL="/login/",
    ALLOWED_HOSTS=["testserver"],
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
call_command("migrate", verbosity=0)
get_user_model().objects.create_user("ann")
