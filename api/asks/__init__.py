"""Asking samplers for parameters: outside of transactions, and where that takes long in a process of its own.

`plans` says what a study asks, `history` what its trials have shown, `proposals` asks, `asker` chooses where, `process`
and `__main__` are the two ends of the pipe to the process, `replay` asks again.
"""
