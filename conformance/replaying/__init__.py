"""`run --replay`: is it still there? One question for each cause, and nothing else judged.

A program is carried out three times, each time into a folder of its own, so that the report itself stays and `compare` still
has it. Causes that one program shows share its tries: each try texts people. All tries share the limits of the configuration.
"""
