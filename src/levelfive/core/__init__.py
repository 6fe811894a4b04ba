"""What every other part rests on: times, threads, logs."""
