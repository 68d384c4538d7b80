"""The one error of the catalogue: a refusal that a person can act on."""


class CatalogueError(ValueError):
    """Refuse a name or a value, saying which rule it breaks and what would be accepted.

    Attributes:
        code: stable word for programs, for instance `unknown_parameter` or `out_of_range`.
        message: one sentence that names the rule and the offending value.
        field: where the value stood in the caller's document, for instance `fixed.learning_rate`.
        hint: what would be accepted; empty when the message says it all.
    """

    def __init__(self, code: str, message: str, field: str, hint: str = "") -> None:
        super().__init__(f"{field}: {message} {hint}".rstrip())
        self.code = code
        self.message = message
        self.field = field
        self.hint = hint

    def __reduce__(self) -> tuple[type["CatalogueError"], tuple[str, str, str, str]]:
        """Survive a pickle between processes with all four parts."""
        return type(self), (self.code, self.message, self.field, self.hint)
