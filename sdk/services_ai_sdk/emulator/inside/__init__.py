"""Scripts that run inside the sandbox, under the function's Python: standard library only, bound as files."""
