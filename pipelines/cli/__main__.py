"""`python -m pipelines.cli` is `clearway`."""

from pipelines.cli import main

main()
