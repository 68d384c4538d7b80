"""`python -m tunewell` is the command `tunewell`."""

from tunewell.cli import main

if __name__ == "__main__":
    main()
