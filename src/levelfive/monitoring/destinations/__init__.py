"""Where people are told: Teams, Slack, or any webhook. Whoever tells them never waits, and nothing fails by it."""
