"""Tools for template authors. They run on the author's machine, never in Lambda."""
