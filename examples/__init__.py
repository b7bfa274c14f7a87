"""Networks and tasks as a user of netadapt would write them."""
