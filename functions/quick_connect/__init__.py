"""Custom::ConnectQuickConnect."""
