"""Decides what to do with a resource that the provider creates, owns and deletes."""
