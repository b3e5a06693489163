"""`python -m archkit`: the commands, where no script is on the path."""

from archkit.cli import main

if __name__ == "__main__":
    main()
