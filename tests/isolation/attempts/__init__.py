"""What a plugin may try, as data with its code. Runs inside workers: standard library, Python 3.11 on."""
