"""Engines carry frames between nodes: in process, over MQTT, over JetStream.

Only the modules here, the gateway and `scenarios` know an event loop. `base` is light; the module
of an engine is imported when its URL is asked for, so that nobody pays for a client not in use.
"""
