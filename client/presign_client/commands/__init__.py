"""The command `presign`. A command's module is imported when it runs."""
