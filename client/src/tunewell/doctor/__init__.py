"""Whether a machine can do its part: small checks, each of which says what it saw and what to do about it.

A check is a function from what was read to a `Finding`; reading is apart, so that a check can be tried on any machine's
figures. Nothing here changes anything on the machine but for a probe file that is removed at once.
"""

from tunewell.doctor.finding import Finding, Level, worst_of

__all__ = ["Finding", "Level", "worst_of"]
