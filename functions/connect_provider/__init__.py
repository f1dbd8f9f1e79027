"""The part of the provider that knows CloudFormation and Connect, and no resource type."""

import gc

# Imports make many objects and no garbage: to look for it then is 2 % of init.
gc.set_threshold(100_000)
