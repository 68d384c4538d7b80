"""What can be wrong with a data set."""


class DatasetError(RuntimeError):
    """A data set cannot be had, is not what its digest promises, or cannot be used as asked.

    Attributes:
        code: `corrupt_dataset` (a damaged file), `different_dataset` (the source gives other data than catalogued),
            `unavailable_dataset` (the source cannot be reached), `inconsistent_dataset` (arrays that do not fit
            together) or `unfit_folds` (rows that cannot be cut into the folds asked for).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
