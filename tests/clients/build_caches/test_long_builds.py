"""A build that takes longer than the token of its job: with a ticket it goes on."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx

from tests.clients.build_caches.caches import CacheService, Program, Run, Workspace
from tests.clients.build_caches.test_page import configured, of_issuers, token
from tests.support.stores import Store

SECONDS: Final = 60  # of the token, and ten that the service allows for differences of clocks
TASK: Final = f"sleep {SECONDS + 30} && mkdir -p dist && echo built > dist/out.txt"
GITHUB: Final = "https://token.actions.githubusercontent.com"


def ticket_of(caches: CacheService, job_token: str) -> str:
    headers = {"Authorization": f"Bearer {job_token}"}
    url = f"{caches.url}/caches/web/tickets"
    answer = httpx.post(url, headers=headers, trust_env=False, timeout=30)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["token"]
    return made


def test_a_ticket_outlives_the_token_of_the_job(ministack: Store, tmp_path: Path) -> None:
    """Four builds at the same time, each of which uploads what it has built after the token's end."""
    claims = {"repository_id": "77", "event_name": "push", "ref": "refs/heads/main"}
    with of_issuers("") as url, configured(ministack, tmp_path, url) as caches:
        caches.empty()
        job_token = token(GITHUB, **claims, exp=int(time.time()) + SECONDS)
        secrets = {"token": job_token, "ticket": ticket_of(caches, job_token)}
        jobs = [(program, name) for program in Program for name in secrets]

        def build(job: tuple[Program, str]) -> Run:
            program, name = job
            directory = tmp_path / f"{program}-{name}"
            machine = Workspace(
                directory=directory, caches=caches, packages=1, command=f"{TASK}  # {name}"
            )
            return machine.build(program, secrets[name])

        with ThreadPoolExecutor() as pool:
            done = dict(zip(jobs, pool.map(build, jobs), strict=True))
        for program in Program:
            assert done[program, "ticket"].code == 0
            assert len(caches.keys(f"cache/web/trusted/{program.folder}/")) == 1
        assert done[Program.TURBO, "token"].code == 0
        assert "401" in done[Program.TURBO, "token"].output
        assert done[Program.NX, "token"].code == 1
        assert "The token has expired" in done[Program.NX, "token"].output
