"""What jobs say of themselves: events, spans and measurements, on this machine and, if it is set up, in Azure."""
