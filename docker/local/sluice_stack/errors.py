"""The one exception of the package: its text names the object and the remedy."""


class StackError(Exception):
    """A service, connector or setting that did not do what was asked."""
