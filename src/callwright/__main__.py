"""`python -m callwright` is `callwright`."""

from callwright.cli.main import main

main()
