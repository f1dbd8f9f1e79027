"""Tools for template authors: they run on the author's machine, never in Lambda."""
