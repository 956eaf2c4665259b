"""Requests drawn by schemathesis from the OpenAPI document, made harmless and put into the terms of the transport."""
