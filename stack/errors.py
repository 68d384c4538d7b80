"""What stops the embedded stack from starting or going on."""


class StackError(Exception):
    """A refusal or failure with a stable code.

    Attributes:
        code: `home_in_use`, `bad_setting`, `no_port`, `no_broker`, `not_ready`, `demo_failed`.
        message: What is wrong and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep code and message."""
        super().__init__(message)
        self.code = code
        self.message = message
