"""`python -m netadapt` is the command `netadapt`; torchrun needs it in this form."""

from netadapt.cli import main

main()
