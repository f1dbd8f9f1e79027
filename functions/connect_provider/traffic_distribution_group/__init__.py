"""Custom::ConnectTrafficDistributionGroup."""
