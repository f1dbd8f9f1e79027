"""The provider: everything that runs in Lambda, and the models that cfn_connect shares."""
