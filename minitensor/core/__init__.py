"""The engine: the idea and nothing else. Read rule.py, graph.py, value.py, tensor.py, then watcher.py."""
