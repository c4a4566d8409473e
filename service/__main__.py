"""`python -m service`, and the commands that the client's `presign` gets. They are in `cli/`."""

import gc

# Imported objects stay. Collecting garbage during the imports takes a tenth of the start, and each
# full collection later would block the event loop for 50 ms to visit a hundred thousand objects.
gc.disable()

from service.cli.main import main  # noqa: E402 - see above

gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
