"""Compare the cost of the provider with other ways to write one, and check limits."""
