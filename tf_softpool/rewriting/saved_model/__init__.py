"""SavedModels: poolings found in their graphs, and other nodes put in their places."""
