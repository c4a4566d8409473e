"""`presign demo`: imports little, so that the store starts while the service is still imported."""

import click


@click.command(
    epilog="""\b
Example:
  presign demo --port 8080 --store-port 9000
"""
)
@click.option("--port", default=8000, show_default=True, help="The service's port.")
@click.option("--store-port", default=5000, show_default=True, help="The fake S3's port.")
def demo(port: int, store_port: int) -> None:
    """Run the service and a fake S3, ready for curl.

    The fake S3 refuses what S3 refuses.
    """
    from service.demo.run import run_demo

    run_demo(port=port, store_port=store_port)
