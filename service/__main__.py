"""`presign` and `python -m service`. Each command is in `cli/`."""

import gc

# What is imported stays for good. To look through it for garbage while it comes takes a tenth of the start,
# and each full collection later on would hold the loop for 50 ms: it walks over a hundred thousand objects.
gc.disable()

from service.cli.main import main  # noqa: E402 - see above

gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
