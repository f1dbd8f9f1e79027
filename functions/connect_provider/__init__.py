"""The part of the provider that knows CloudFormation and Connect, and no resource type."""
