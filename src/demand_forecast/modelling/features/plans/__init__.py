"""What is planned for a week, and how demand answers to it."""
