"""Application Insights, by the small client of our own that ADR 30 gives the reasons for."""
