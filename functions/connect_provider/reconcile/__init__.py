"""Decides how to apply and delete a resource that the provider creates and owns."""
