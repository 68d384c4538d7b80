"""Code for commands: packed where people work, unpacked where it runs."""
