"""`python -m service`: the commands of the service, without the client."""

from service.cli.main import main

main(prog_name="python -m service")
