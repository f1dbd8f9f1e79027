"""The commands of cfn-connect: a module each, with a function `run(arguments, clients, console)`.

Each function returns the exit code, and prints only to its console. cli.py declares the options.
"""
