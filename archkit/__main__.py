"""`python -m archkit`: the command line, for when the `archkit` script is not on the path."""

from archkit.cli import main

if __name__ == "__main__":
    main()
