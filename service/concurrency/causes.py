"""What logs say about an error from outside. Pure."""


def class_names(error: BaseException) -> str:
    """Return the class of an error, and that of its first cause: `ConnectionError (SSLError)`.

    A message may hold an address, what was sent, or a secret.
    """
    chain = [error]
    # Libraries hide the cause with `from None`.
    while (cause := chain[-1].__cause__ or chain[-1].__context__) and cause not in chain:
        chain.append(cause)
    name, first = type(error).__name__, type(chain[-1]).__name__
    return name if name == first else f"{name} ({first})"
