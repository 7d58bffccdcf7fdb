"""What a group of failures says: the words of the first one."""


def first_cause(error: BaseException) -> BaseException:
    """Return the first failure that is not a group of others."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def words_of(error: BaseException) -> str:
    """Return what a person is told of it: never nothing."""
    cause = first_cause(error)
    return str(cause) or type(cause).__name__
