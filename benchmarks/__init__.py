"""What the provider costs beside other ways to write it, and what must not get worse."""
