"""Asks an AWS account what the provider assumes of AWS: `make check-aws`."""
