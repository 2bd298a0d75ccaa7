"""The jobs worker: purges the caches after every change, and runs the scheduled jobs."""
