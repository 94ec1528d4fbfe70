"""Injected faults: the local cloud as slow, busy and unready as AWS can be. Imported only where asked for."""
