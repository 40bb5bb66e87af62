"""Research automation: improving the method itself, from an idea to a measured law."""
