"""Custom::ConnectQueueQuickConnects, served by the function of quick_connect."""
