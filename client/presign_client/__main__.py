"""`python -m presign_client` is the command `presign`."""

from presign_client.commands.main import main

main(prog_name="presign")
