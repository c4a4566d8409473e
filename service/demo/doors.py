"""`/demo`: the other programs that the demo works with, each with one line to paste."""

from dataclasses import dataclass
from html import escape
from typing import Final

from fastapi import APIRouter, Response

from service.api.html_page import POLICY, html_page

PATH: Final = "/demo"
BUCKET: Final = "demo"
API_KEY: Final = "demo"
REGION: Final = "us-east-1"
CACHE: Final = "cache/"
MODELS: Final = "models/"
PACKAGES: Final = "pypi/"
_ABOUT: Final = "Paste a line into another shell. The API key is demo, and so is the bucket."


@dataclass(frozen=True, slots=True)
class Door:
    """`hint` is a sentence: what the program itself needs where `line` does without it."""

    name: str
    line: str
    hint: str = ""


def doors(url: str, store_url: str, *, presign: str, python: str) -> tuple[Door, ...]:
    """Return them in the page's order. `presign` and `python` are commands that a shell finds."""
    host = url.removeprefix("http://")
    with_key = f"http://x:{API_KEY}@{host}"
    hub = f"{url.replace('127.0.0.1', 'localhost')}/hf"  # another host name than the store's
    root = f"{url}/api/2.0/mlflow-artifacts/artifacts"
    cache = f"{url}/caches/{BUCKET}"
    hello = "printf hello > hello.txt"
    client = f'client("s3", endpoint_url="{store_url}")'
    put = f'put_object(Bucket="{BUCKET}", Key="hello.txt", Body=b"hello")["ETag"]'
    return (
        Door(
            "Package index",
            f"pip install -q --target hello --index-url {with_key}/simple/{BUCKET}/ hello-presign"
            " && PYTHONPATH=hello python3 -m hello_presign",
        ),
        Door(
            "Git LFS",
            "git init -q large && cd large && git lfs install --local && git lfs track '*.bin'"
            f" && git config lfs.url {with_key}/lfs/{BUCKET}"
            " && head -c 1000000 /dev/urandom > a.bin && git add ."
            " && git -c user.name=demo -c user.email=demo@localhost commit -qm a"
            " && git remote add origin . && git lfs push origin HEAD",
        ),
        Door(
            "MLflow",
            f"{hello} && curl -fsSL -u x:{API_KEY} -T hello.txt {root}/{BUCKET}/run/hello.txt"
            f" && curl -fsS -u x:{API_KEY} '{root}?path={BUCKET}/run'",
            f"MLflow itself needs MLFLOW_TRACKING_TOKEN={API_KEY} and the artifact root"
            f" mlflow-artifacts://{host}/{BUCKET}.",
        ),
        Door(
            "huggingface_hub",
            f"{hello} && curl -fsSL -u x:{API_KEY} -T hello.txt"
            f" {url}/o/{BUCKET}/{MODELS}acme/tiny/main/hello.txt"
            f" && curl -fsSL -H 'Authorization: Bearer {API_KEY}'"
            f" {hub}/acme/tiny/resolve/main/hello.txt",
            f"huggingface_hub itself needs HF_ENDPOINT={hub} and HF_TOKEN={API_KEY}.",
        ),
        Door(
            "Build cache",
            f"{hello} && hash=$(date +%s) && curl -fsSL --oauth2-bearer {API_KEY} -T hello.txt"
            f" -H 'Content-Type: application/octet-stream' {cache}/v1/cache/$hash"
            f" && curl -fsSL --oauth2-bearer {API_KEY} {cache}/v1/cache/$hash",
            f"Turborepo itself needs TURBO_API={cache}, TURBO_TOKEN={API_KEY}, TURBO_TEAM=demo and"
            f" TURBO_PREFLIGHT=true; Nx needs NX_SELF_HOSTED_REMOTE_CACHE_SERVER={cache} and"
            f" NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN={API_KEY}.",
        ),
        Door(
            "Uppy",
            f"curl -fsS -H 'Authorization: Bearer {API_KEY}'"
            f" '{url}/uppy/s3/params?filename=hello.txt&type=text/plain'",
            f"Uppy itself needs the endpoint {url}/uppy, and for pages elsewhere: presign demo"
            " --origin URL.",
        ),
        Door(
            "Remote signing",
            f"{python} -c 'import boto3; from presign_client import boto;"
            f' session = boto3.Session(region_name="{REGION}");'
            f' boto.install(session, "{url}", "{API_KEY}");'
            f" print(session.{client}.{put})'",
        ),
        Door(
            "AWS credentials",
            f'(eval "$(PRESIGN_URL={url} PRESIGN_TOKEN={API_KEY}'
            f' {presign} credentials {BUCKET} --format env)"'
            f" && {python} -c 'import boto3; print(boto3.{client}.{put})')",
        ),
        Door(
            "MCP",
            f"curl -fsS {url}/mcp -H 'Authorization: Bearer {API_KEY}'"
            " -H 'Content-Type: application/json' -d '"
            '{"jsonrpc": "2.0", "id": 1, "method": "tools/call",'
            ' "params": {"name": "show_access"}}\'',
            f"An agent itself needs the address {url}/mcp and the header Authorization: Bearer"
            f" {API_KEY}.",
        ),
        Door(
            "Signed webhooks",
            f"{hello} && curl -fsSL -u x:{API_KEY} -T hello.txt {url}/o/{BUCKET}/arrived.txt",
            "The demo then prints a line that begins with the time and hook: its own hook has"
            " verified a request that the store's event caused.",
        ),
    )


def page_of(shown: tuple[Door, ...]) -> APIRouter:
    """Return the route of the page."""
    body = [f"<p>{_ABOUT}"]
    for door in shown:
        body += [f"<h2>{door.name}</h2>", f"<pre><code>{escape(door.line)}</code></pre>"]
        body += [f"<p>{escape(door.hint)}"] if door.hint else []
    page = html_page("Try the demo with your programs", body)
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    async def demo_page() -> Response:
        return Response(page, media_type="text/html", headers={"Content-Security-Policy": POLICY})

    return router
