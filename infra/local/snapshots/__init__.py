"""What moto holds, written down while it runs and read again when it starts."""
