"""Data sets that people bring: bytes of strangers in, a prepared data set or a refusal out."""
