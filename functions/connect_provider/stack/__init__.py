"""Asks CloudFormation about the stack that sent a request."""
