"""Custom::ConnectTrafficDistribution, served by the function of traffic_distribution_group."""
